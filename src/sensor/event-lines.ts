/**
 * Makes lines of the events of one stream, and hands them on in batches: what a worker of a live capture does for itself, for who makes
 * events on the main thread.
 */
import { EventBuilder, type EventOptions } from '../event/build-event.ts';
import type { EventFacts, SensorIdentity } from '../event/event-facts.ts';
import { JsonWriter } from '../event/json-writer.ts';
import type { Profile } from '../event/profile.ts';
import type { EventBatch } from './event-batch.ts';
import { HANDOVER_BYTES } from './limits.ts';

const INITIAL_ENDS = 1024;

export class EventLines {
  readonly #bootId: string;
  readonly #builder: EventBuilder;
  readonly #json = new JsonWriter();
  /** The batch's memory is ours again when it returns. */
  readonly #deliver: (batch: EventBatch) => void;
  #ends = new Uint32Array(INITIAL_ENDS);
  #count = 0;
  #firstSeq = 0;

  constructor(identity: SensorIdentity, profile: Profile, options: EventOptions, deliver: (batch: EventBatch) => void) {
    this.#bootId = identity.bootId;
    this.#builder = new EventBuilder(identity, profile, options);
    this.#deliver = deliver;
  }

  write(facts: EventFacts): void {
    if (facts.seq !== this.#firstSeq + this.#count) this.flush();
    if (this.#count === 0) this.#firstSeq = facts.seq;
    if (this.#count === this.#ends.length) this.#growEnds();
    this.#builder.writeJson(facts, this.#json);
    this.#ends[this.#count++] = this.#json.position();
    if (this.#json.position() >= HANDOVER_BYTES) this.flush();
  }

  /** Hands on what was made so far. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    this.#deliver({
      bootId: this.#bootId,
      firstSeq: this.#firstSeq,
      count,
      lines: this.#json.view(),
      ends: this.#ends.subarray(0, count),
    });
    this.#json.reset();
  }

  #growEnds(): void {
    const grown = new Uint32Array(2 * this.#ends.length);
    grown.set(this.#ends);
    this.#ends = grown;
  }
}
