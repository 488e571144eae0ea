/** Everything that one event is made of. Facts in; `buildEvent` turns them into fields. */
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
  /** Client to server (in) and server to client (out), as far as the sensor looked: IP payload bytes of TCP, packets. */
  bytesIn: number;
  bytesOut: number;
  packetsIn: number;
  packetsOut: number;
  /** Stream bytes known to be missing from the capture, counted as gaps. */
  missingPacketsIn: number;
  missingPacketsOut: number;
  duplicatePacketsIn: number;
  duplicatePacketsOut: number;
  /** SYN to SYN-ACK, and SYN-ACK to ACK, microseconds; -1 where not seen. */
  serverRttUs: number;
  clientRttUs: number;
  /** Overlapping TCP bytes that differed. */
  overlapConflicts: number;
  /** Direction is known from a SYN or from a hello; false where it was guessed. */
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
