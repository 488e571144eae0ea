/** The health events of a delivery: every so often while it runs, and at its end. */
import { type HealthBatch, HealthStream } from '../output/health-stream.ts';
import { type HealthSources, toHealthFields } from './health-fields.ts';
import type { SensorCounts } from './live-counts.ts';
import { toError } from './to-error.ts';

export interface HealthOptions {
  readonly sensor: string;
  /** `boot_id` of each stream of the run. */
  readonly bootIds: readonly string[];
  /** Of the health events; null leaves it to the token. */
  readonly index: string | null;
  /** Between two health events; 0: none, not even at the end. */
  readonly healthMs: number;
}

/** The delivery that they are about, and that delivers them. */
export interface ReportedDelivery {
  sources(): Pick<HealthSources, 'runs' | 'spool' | 'hec'>;
  append(batch: HealthBatch, nowMs: number, isFinal: boolean): Promise<void>;
  now(): number;
}

export class HealthReporter {
  /** Why one could not be delivered; null while they can. */
  fault: Error | null = null;
  readonly #stream: HealthStream;
  readonly #everyMs: number;
  readonly #delivery: ReportedDelivery;
  readonly #startMs = performance.now();
  #timer: NodeJS.Timeout | null = null;

  private constructor({ sensor, bootIds, index, healthMs }: HealthOptions, delivery: ReportedDelivery) {
    this.#stream = new HealthStream(sensor, bootIds, index);
    this.#everyMs = healthMs;
    this.#delivery = delivery;
  }

  /** Null where none are wanted. */
  static of(options: HealthOptions, delivery: ReportedDelivery): HealthReporter | null {
    return options.healthMs > 0 ? new HealthReporter(options, delivery) : null;
  }

  /** Of the stream of health events. */
  get bootId(): string {
    return this.#stream.bootId;
  }

  begin(counts: () => SensorCounts): void {
    this.#timer = setInterval(() => {
      this.send(counts, false).catch((error: unknown) => {
        this.fault ??= toError(error);
      });
    }, this.#everyMs);
    this.#timer.unref();
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  send(counts: () => SensorCounts, isFinal: boolean): Promise<void> {
    const nowMs = this.#delivery.now();
    const uptimeMs = performance.now() - this.#startMs;
    const fields = toHealthFields({ isFinal, uptimeMs, ...this.#delivery.sources(), counts: counts() });
    return this.#delivery.append(this.#stream.next(fields, nowMs), nowMs, isFinal);
  }
}
