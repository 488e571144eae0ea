/**
 * Everything that the simulator has indexed, small enough for millions of events: for each boot of a sensor, how often each
 * `seq` came and a hash of the `event_id` it came with.
 *
 *     boot  ─>  seq - base:   0  1  2  3 …      times   Uint8Array    stops at 255
 *                                               idHash  Uint32Array   of the first that came
 *
 * A second event of the same seq with another id is a conflict: a duplicate that `event_id` would not remove.
 */

/** Room for a boot's first events; doubles. */
const FIRST_CAPACITY = 1 << 12;
/** A seq this far from the first one seen is not a counter's work; it is kept apart, so that one bad event takes no gigabytes. */
const MAX_SPAN = 1 << 27;

/** One row of the search in `hec.md`. */
export interface AccountingRow {
  readonly sensor: string;
  readonly bootId: string;
  readonly count: number;
  readonly distinct: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly missing: number;
  readonly duplicates: number;
}

class BootLedger {
  readonly sensor: string;
  readonly bootId: string;
  count = 0;
  distinct = 0;
  conflicts = 0;
  firstSeq = Number.POSITIVE_INFINITY;
  lastSeq = -1;
  /** The seq of slot 0; a multiple of the first capacity, so that events in any order find room before it. */
  #base = 0;
  #times = new Uint8Array(0);
  #idHash = new Uint32Array(0);

  constructor(sensor: string, bootId: string) {
    this.sensor = sensor;
    this.bootId = bootId;
  }

  record(seq: number, idHash: number): boolean {
    if (!this.#makeRoom(seq)) return false;
    const at = seq - this.#base;
    const times = this.#times[at]!;
    this.count += 1;
    if (times === 0) {
      this.distinct += 1;
      this.#idHash[at] = idHash;
      if (seq < this.firstSeq) this.firstSeq = seq;
      if (seq > this.lastSeq) this.lastSeq = seq;
    } else if (this.#idHash[at] !== idHash) this.conflicts += 1;
    if (times < 255) this.#times[at] = times + 1;
    return true;
  }

  timesOf(seq: number): number {
    return this.#times[seq - this.#base] ?? 0;
  }

  #makeRoom(seq: number): boolean {
    const capacity = this.#times.length;
    if (capacity > 0 && seq >= this.#base && seq < this.#base + capacity) return true;
    const low = capacity === 0 ? seq : Math.min(seq, this.#base);
    const base = low - (low % FIRST_CAPACITY);
    const end = Math.max(seq + 1, this.#base + capacity);
    if (end - base > MAX_SPAN) return false;
    let room = Math.max(capacity, FIRST_CAPACITY);
    while (room < end - base) room *= 2;
    const times = new Uint8Array(room);
    const idHash = new Uint32Array(room);
    if (capacity > 0) {
      times.set(this.#times, this.#base - base);
      idHash.set(this.#idHash, this.#base - base);
    }
    this.#times = times;
    this.#idHash = idHash;
    this.#base = base;
    return true;
  }
}

export class EventLedger {
  readonly #boots = new Map<string, BootLedger>();
  #last: BootLedger | null = null;
  /** Indexed events without a usable `boot_id` and `seq`. */
  unnumbered = 0;
  /** All indexed events, numbered or not. */
  indexed = 0;

  record(sensor: string, bootId: string, seq: number, eventId: string | null): void {
    this.indexed += 1;
    let boot = this.#last;
    if (boot === null || boot.bootId !== bootId || boot.sensor !== sensor) {
      const key = `${sensor}\n${bootId}`;
      boot = this.#boots.get(key) ?? new BootLedger(sensor, bootId);
      this.#boots.set(key, boot);
      this.#last = boot;
    }
    if (!boot.record(seq, eventId === null ? 0 : hashText(eventId))) this.unnumbered += 1;
  }

  recordUnnumbered(): void {
    this.indexed += 1;
    this.unnumbered += 1;
  }

  /** How often an event was indexed. */
  timesOf(bootId: string, seq: number): number {
    let times = 0;
    for (const boot of this.#boots.values()) if (boot.bootId === bootId) times += boot.timesOf(seq);
    return times;
  }

  /** Duplicates that bear another `event_id` than the first of their seq. */
  get conflicts(): number {
    let sum = 0;
    for (const boot of this.#boots.values()) sum += boot.conflicts;
    return sum;
  }

  get distinct(): number {
    let sum = 0;
    for (const boot of this.#boots.values()) sum += boot.distinct;
    return sum;
  }

  /**
   *     | stats count dc(seq) AS dc min(seq) AS a max(seq) AS b by sensor boot_id | eval missing=b-a+1-dc, dup=count-dc
   */
  runAccountingSearch(): AccountingRow[] {
    return Array.from(this.#boots.values(), (boot) => ({
      sensor: boot.sensor,
      bootId: boot.bootId,
      count: boot.count,
      distinct: boot.distinct,
      firstSeq: boot.firstSeq,
      lastSeq: boot.lastSeq,
      missing: boot.lastSeq - boot.firstSeq + 1 - boot.distinct,
      duplicates: boot.count - boot.distinct,
    }));
  }

  clear(): void {
    this.#boots.clear();
    this.#last = null;
    this.unnumbered = 0;
    this.indexed = 0;
  }
}

/** FNV-1a. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
