/**
 * What was seen of one handshake: the facts that the session gathers and the event is made of. Numbers are wire numbers;
 * names for them are looked up when the event is built.
 *
 * `C` is whatever the owner of the session makes of a certificate list: this room does not know X.509.
 */

import type { ClientHello } from './client-hello.ts';
import type { ServerHello } from './server-hello.ts';

/** Whether the certificate could be seen, and if not, why. */
export const CertVisibility = {
  /** The server's certificate list was read whole. */
  Clear: 'clear',
  /** TLS 1.3 encrypts it. */
  EncryptedTls13: 'encrypted_tls13',
  /** An abbreviated handshake: none was sent. */
  Resumed: 'resumed',
  /** It was sent, but packets are missing from the capture. */
  Lost: 'lost',
  /** It was sent, but the snap length or a cap cut it. */
  Truncated: 'truncated',
  /** Read after decryption with a key log. */
  Decrypted: 'decrypted',
  /** None was sent: an anonymous or PSK suite, or the handshake ended before. */
  None: 'none',
} as const;
export type CertVisibility = (typeof CertVisibility)[keyof typeof CertVisibility];

/** How an abbreviated handshake was authorised. */
export type Resumption = 'none' | 'session_id' | 'ticket' | 'psk';

export type SslProtocol = 'tls' | 'dtls' | 'quic' | 'sslv2';

export interface Alert {
  readonly fromClient: boolean;
  readonly level: number;
  readonly description: number;
}

export interface CertificateRequest {
  readonly certificateTypes: readonly number[];
  readonly signatureSchemes: readonly number[];
  /** DER names of the acceptable authorities, copied. */
  readonly authorities: readonly Uint8Array[];
}

export interface SessionTicket {
  /** Seconds. */
  readonly lifetimeHint: number;
  readonly sizeBytes: number;
}

export class Handshake<C> {
  protocol: SslProtocol = 'tls';
  clientHello: ClientHello | null = null;
  /** The hello that answered a HelloRetryRequest. */
  secondClientHello: ClientHello | null = null;
  helloRetryRequest: ServerHello | null = null;
  serverHello: ServerHello | null = null;
  serverCertificates: C | null = null;
  clientCertificates: C | null = null;
  certificateRequest: CertificateRequest | null = null;
  /** NamedGroup of an ECDHE ServerKeyExchange (TLS 1.2 and before), or -1. */
  keyExchangeGroup = -1;
  /** Bytes of the OCSP response in CertificateStatus, or 0. */
  ocspStapleBytes = 0;
  sessionTicket: SessionTicket | null = null;
  /** The first fatal alert, else the first alert other than close_notify. */
  alert: Alert | null = null;
  resumption: Resumption = 'none';
  certVisibility: CertVisibility = CertVisibility.None;
  /** Both sides sent all that the handshake needs. */
  isEstablished = false;
  /**
   * Messages in order of arrival, one letter each, upper case from the client: Zeek's `ssl_history` alphabet.
   * C/S hello, J retry, X certificate, U status, K/G key exchange, R request, N done, Y verify, T ticket, I change cipher
   * spec, F finished (seen encrypted), D application data, L alert, B heartbeat, H hello request, Q unknown.
   */
  history = '';
  /** Packet time in microseconds since 1970 of the first and last handshake byte, -1 where not seen. */
  firstUs = -1;
  clientHelloUs = -1;
  serverHelloUs = -1;
  lastUs = -1;
  /** Bytes of encrypted records that the server sent between its hello and the client's answer (TLS 1.3). */
  encryptedServerFlightBytes = 0;
  /** Bytes lost to gaps in the client's and the server's stream while the handshake ran. */
  lostClientBytes = 0;
  lostServerBytes = 0;
  /** Names of wire faults met, each once, in order. */
  faults: string[] = [];
}
