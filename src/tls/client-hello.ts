import type { HelloShape } from './hello-shape.ts';

/** One ClientHello: its shape, and what is its own. All values are copied. */
export interface ClientHello {
  readonly shape: HelloShape;
  /** 32 bytes in TLS; the challenge of an SSLv2-format hello, 16 to 32. */
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  /** Name asked for (RFC 6066 3), lower-cased ASCII as sent, escaped where it is not printable; empty if none. */
  readonly serverName: string;
  /** Length of the ticket in session_ticket: -1 without the extension, 0 for an empty one. */
  readonly ticketLen: number;
  /** Identities in pre_shared_key. */
  readonly pskIdentities: number;
  readonly hasEarlyData: boolean;
  /** Length of the DTLS cookie, or of the TLS 1.3 cookie extension; 0 if none. */
  readonly cookieLen: number;
  /** Bytes of the message with its header. */
  readonly sizeBytes: number;
  /** Name of the fault that ended the parse, or empty. */
  readonly fault: string;
}
