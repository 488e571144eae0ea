/** Handshakes by what was seen of them. Drops and flows are counted where they happen (`Decoder`, `TcpTracker`). */
export class HandshakeCounters {
  handshakes = 0;
  /** By `ssl_version` as a wire number; -1 where no server hello was seen. */
  readonly byVersion: Map<number, number> = new Map();
  readonly byVisibility: Map<string, number> = new Map();
  /** By the level of the finding. */
  readonly byLevel: Map<string, number> = new Map();
  /** Certificates in the chains of servers and clients, repeats included. */
  certificates = 0;
  /** Certificate lists, repeats included. */
  chains = 0;
  /** Flows whose first bytes are not TLS. */
  notTls = 0;
  /** Faults of the wire by name: handshakes that met each. */
  readonly faults: Map<string, number> = new Map();
}

export function countIn<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Of counts by reason. */
export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}
