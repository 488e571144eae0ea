/** Everything that one event is made of. Facts in; `EventBuilder` turns them into fields. */
import type { DetectionScore } from '../score/score.ts';
import type { Handshake } from '../tls/handshake.ts';
import type { Chain } from '../x509/certificate.ts';

/** The connection that carried the handshake, its direction decided. Text is ready to be sent. */
export interface ConnectionFacts {
  srcIp: string;
  srcPort: number;
  destIp: string;
  destPort: number;
  /** Lower case with colons, or empty. */
  srcMac: string;
  destMac: string;
  /** Outermost VLAN id, or -1. */
  vlanId: number;
  transport: 'tcp' | 'udp';
  /** Interface name of the capture, or empty. */
  networkInterface: string;
  /** Microseconds since 1970 of the first packet and of the last one looked at. */
  firstUs: number;
  lastUs: number;
  /** Client to server (in) and server to client (out), as far as the sensor looked: payload bytes of TCP or UDP, packets. */
  bytesIn: number;
  bytesOut: number;
  packetsIn: number;
  packetsOut: number;
  /** Gaps in the streams: bytes known to be missing from the capture. */
  missingPacketsIn: number;
  missingPacketsOut: number;
  duplicatePacketsIn: number;
  duplicatePacketsOut: number;
  /** SYN to SYN-ACK (server), and SYN-ACK to ACK (client), microseconds; -1 where not seen. */
  serverRttUs: number;
  clientRttUs: number;
  /** Times that overlapping TCP bytes differed. */
  overlapConflicts: number;
  /** Number of the flow within this run, the same for all handshakes of a connection; -1 where there is none. */
  flowId: number;
  /** A reset ended the connection before the handshake was done. */
  isReset: boolean;
}

export interface EventFacts {
  connection: ConnectionFacts;
  handshake: Handshake<Chain>;
  score: DetectionScore;
  /** Path of the capture as the user named it, or empty when live. */
  captureFile: string;
  seq: number;
}

/** What every event of one process shares. */
export interface SensorIdentity {
  /** Name of this sensor: the host's, unless set. */
  readonly sensor: string;
  /** UUID of this run. */
  readonly bootId: string;
}
