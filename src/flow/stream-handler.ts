/** What the flow room hands on: the bytes of each direction in order, gaps, and ends. */

/** 0 for endpoint `a`, 1 for `b`: the order of their addresses, not who opened the connection. */
export type Side = 0 | 1;

/** The answer to every call: whether the flow is still worth following. */
export const Want = { More: 0, Nothing: 1 } as const;
export type Want = (typeof Want)[keyof typeof Want];

export const GapReason = {
  /** The bytes never came. */
  Missing: 0,
  /** They were on the wire, but the snap length cut them. */
  Snapped: 1,
} as const;
export type GapReason = (typeof GapReason)[keyof typeof GapReason];

export const FlowEnd = {
  Closed: 'closed',
  Reset: 'reset',
  /** A new connection began on the same five-tuple. */
  Reused: 'reused',
  Idle: 'idle',
  /** The table was full. */
  Evicted: 'evicted',
  /** The capture ended, or the sensor stops. */
  CaptureEnd: 'capture_end',
} as const;
export type FlowEnd = (typeof FlowEnd)[keyof typeof FlowEnd];

export interface StreamHandler {
  /** The next bytes of a direction. Borrowed. */
  onBytes(slot: number, side: Side, buf: Uint8Array, at: number, end: number): Want;
  /** `missing` bytes of a direction will not come. */
  onGap(slot: number, side: Side, missing: number, reason: GapReason): Want;
  /** The flow leaves the table (or its five-tuple is taken by a new connection). Not called for one nobody wants. */
  onEnd(slot: number, why: FlowEnd): void;
}
