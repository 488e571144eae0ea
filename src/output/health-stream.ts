/**
 * Events about the sensor itself, `spanglass:health`: the numbers that prove that nothing was lost, where the events are searched.
 *
 * They are a stream of their own, with a `boot_id` and a `seq` of their own, as the spool's reports are: so the search that proves
 * completeness holds for them as for all others, and the events of a run stay numbered without gaps. `run_boot_id` names the run,
 * or its streams with a space between them, one for each worker.
 */
import { randomUUID } from 'node:crypto';

const HEALTH_SOURCETYPE = 'spanglass:health';

export type HealthFields = Readonly<Record<string, string | number | boolean | Readonly<Record<string, number>>>>;

/** One event, as a batch of its own. */
export interface HealthBatch {
  readonly bootId: string;
  readonly firstSeq: number;
  readonly count: 1;
  readonly lines: Uint8Array;
  /** Offset behind its newline. */
  readonly ends: Uint32Array;
}

export class HealthStream {
  readonly bootId = randomUUID();
  readonly #sensor: string;
  readonly #runBootId: string;
  readonly #index: string | null;
  #seq = 0;

  /** `index` is the envelope's; null leaves it to the token. */
  constructor(sensor: string, runBootIds: readonly string[], index: string | null) {
    this.#sensor = sensor;
    this.#runBootId = runBootIds.join(' ');
    this.#index = index;
  }

  next(fields: HealthFields, nowMs: number): HealthBatch {
    const seq = this.#seq++;
    const event = {
      sensor: this.#sensor,
      boot_id: this.bootId,
      seq,
      event_id: `${this.bootId}-${seq}`,
      vendor_product: 'spanglass',
      run_boot_id: this.#runBootId,
      ...fields,
    };
    const envelope = {
      host: this.#sensor,
      source: HEALTH_SOURCETYPE,
      sourcetype: HEALTH_SOURCETYPE,
      ...(this.#index !== null && { index: this.#index }),
      event,
    };
    // The time is text of whole milliseconds: as a number it would lose its zeros.
    const time = `${Math.floor(nowMs / 1000)}.${String(Math.floor(nowMs) % 1000).padStart(3, '0')}000`;
    const lines = Buffer.from(`{"time":${time},${JSON.stringify(envelope).slice(1)}\n`);
    return { bootId: this.bootId, firstSeq: seq, count: 1, lines, ends: Uint32Array.of(lines.length) };
  }
}
