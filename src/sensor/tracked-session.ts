import type { SessionContext } from '../tls/session.ts';
import { TlsSession } from '../tls/session.ts';
import type { Chain } from '../x509/certificate.ts';

/** A session and what its first packet said of the connection beyond the five-tuple. */
export class TrackedSession {
  readonly tls: TlsSession<Chain>;
  readonly flowId: number;
  readonly vlanId: number;
  /** Ethernet addresses of the first packet, or empty, and the side that sent it. */
  readonly senderMac: string;
  readonly receiverMac: string;
  readonly senderSide: 0 | 1;
  readonly networkInterface: string;
  /** The hello stood behind other bytes, which may belong to a protocol that frames TLS: then only the hello is readable. */
  readonly isEmbedded: boolean;

  constructor(
    context: SessionContext<Chain>,
    flowId: number,
    vlanId: number,
    senderMac: string,
    receiverMac: string,
    senderSide: 0 | 1,
    networkInterface: string,
    isEmbedded: boolean,
  ) {
    this.tls = new TlsSession<Chain>(context);
    this.flowId = flowId;
    this.vlanId = vlanId;
    this.senderMac = senderMac;
    this.receiverMac = receiverMac;
    this.senderSide = senderSide;
    this.networkInterface = networkInterface;
    this.isEmbedded = isEmbedded;
  }
}
