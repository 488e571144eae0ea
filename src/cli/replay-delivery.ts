/** The part of a replay that delivers to Splunk. Loaded only with `--hec`: what it needs takes longer to load than a small replay. */
import { escapeUnsafe } from '../bytes/text.ts';
import type { EventOptions } from '../event/build-event.ts';
import type { EventFacts, SensorIdentity } from '../event/event-facts.ts';
import type { Profile } from '../event/profile.ts';
import { HecError } from '../output/hec/hec-error.ts';
import type { HecSink } from '../output/hec/sender.ts';
import { OutputError } from '../output/output-error.ts';
import { SpoolError } from '../output/spool/spool-error.ts';
import { sumOf } from '../sensor/counters.ts';
import { Delivery } from '../sensor/delivery.ts';
import type { WaitEnd } from '../sensor/delivery-wait.ts';
import { EventLines } from '../sensor/event-lines.ts';
import type { SensorCounts } from '../sensor/live-counts.ts';
import type { CommandArguments } from './arguments.ts';
import { type DeliverySettings, TOKEN_VARIABLE } from './delivery-settings.ts';
import { StatusTeller, toDrainCommand, toStatusText, toWaitText } from './delivery-text.ts';
import { toCountOf, toCountText } from './quantity-text.ts';
import type { DeliveryStats } from './run-stats.ts';
import { UsageError } from './usage-error.ts';

/** A spool that takes nothing may only be slow, whatever `--hec-wait` says. */
const MIN_ROOM_MS = 10_000;

export interface DeliveryScreen {
  showProblem(message: string): void;
  showWait(text: string): void;
}

export class ReplayDelivery {
  readonly delivery: Delivery;
  readonly #hec: HecSink;
  readonly #lines: EventLines;
  readonly #settings: DeliverySettings;
  readonly #screen: DeliveryScreen;
  readonly #given: CommandArguments;
  readonly #stalled = new AbortController();
  #end: WaitEnd | 'spool_full' = 'interrupted';
  #waitS = 0;

  private constructor(
    delivery: Delivery,
    hec: HecSink,
    lines: EventLines,
    settings: DeliverySettings,
    screen: DeliveryScreen,
    given: CommandArguments,
  ) {
    this.delivery = delivery;
    this.#hec = hec;
    this.#lines = lines;
    this.#settings = settings;
    this.#screen = screen;
    this.#given = given;
  }

  /** Throws `UsageError` for settings that can't work and `OutputError` for a spool that can't be had. */
  static async open(
    settings: DeliverySettings,
    identity: SensorIdentity,
    profile: Profile,
    events: EventOptions,
    screen: DeliveryScreen,
    given: CommandArguments,
  ): Promise<ReplayDelivery> {
    const { hec, spool, policy, healthMs } = settings;
    const { sensor, bootId } = identity;
    const index = events.index ?? null;
    const teller = new StatusTeller((message) => screen.showProblem(message));
    const onStatus = teller.onStatus.bind(teller);
    const delivery = await asUserErrors(() =>
      Delivery.open({ sensor, bootIds: [bootId], index, hec, files: [], spool, policy, healthMs, onStatus }),
    );
    const sink = delivery.hec!;
    const { tokenFault } = sink.status();
    if (tokenFault === null) {
      const lines = new EventLines(identity, profile, events, (batch) => {
        // At once, always: a replay waits between its blocks.
        void delivery.take(batch);
      });
      return new ReplayDelivery(delivery, sink, lines, settings, screen, given);
    }
    await delivery.close();
    throw new UsageError(`${escapeUnsafe(hec.tokenFile ?? '')}: ${tokenFault}`);
  }

  /** Raised when the spool is full and nothing leaves it. */
  get stalled(): AbortSignal {
    return this.#stalled.signal;
  }

  write(facts: EventFacts): void {
    this.#lines.write(facts);
  }

  afterBlock(interrupt: AbortSignal): Promise<void> | null {
    this.#lines.flush();
    if (!this.delivery.isHeldUp) return this.delivery.afterBlock();
    return this.#awaitRoom(interrupt);
  }

  async #awaitRoom(interrupt: AbortSignal): Promise<void> {
    const idleMs = Math.max(this.#settings.patience.idleMs, MIN_ROOM_MS);
    const patience = { idleMs, ackMs: Math.max(this.#settings.patience.ackMs, idleMs) };
    const end = await this.delivery.awaitRoom(patience, interrupt, () => this.#showWait());
    if (end === 'no_progress' || end === 'failed') this.#stalled.abort();
  }

  async finish(counts: () => SensorCounts, interrupt: AbortSignal): Promise<void> {
    const startMs = performance.now();
    this.#lines.flush();
    // Nothing left the spool for as long as we have patience: no second wait.
    const stop = AbortSignal.any([interrupt, this.stalled]);
    const end = await this.delivery.finish(counts, this.#settings.patience, stop, () => this.#showWait());
    this.#end = this.stalled.aborted ? 'spool_full' : end;
    this.#waitS = (performance.now() - startMs) / 1000;
  }

  #showWait(): void {
    const status = this.#hec.status();
    this.#screen.showWait(toWaitText(this.delivery.counts().queued, status));
  }

  toStats(): DeliveryStats {
    const { spool } = this.delivery;
    const { counters } = this.#hec;
    const { written, acknowledged, queued, dropped } = this.delivery.counts();
    const { state, reason, endpoints } = this.delivery.status()!;
    return {
      end: this.#end,
      state,
      reason,
      spool: spool.options.folder,
      emitted: written,
      acknowledged,
      has_acks: endpoints.some((endpoint) => endpoint.hasAcks === true),
      queued,
      dropped: sumOf(dropped),
      drops: dropped,
      spool_queued: this.delivery.counters().queued,
      requests: Object.fromEntries(counters.requests),
      retries: counters.retries,
      resends: counters.resends,
      possible_duplicates: counters.possibleDuplicates,
      quarantined: counters.quarantined,
      wait_s: Number(this.#waitS.toFixed(6)),
    };
  }

  /** What is left to do; empty where all was delivered. */
  problems(): string[] {
    const { delivery } = this;
    const { queued, dropped } = delivery.counts();
    const problems: string[] = [];
    if (delivery.fault !== null) problems.push(`delivery to Splunk ended: ${delivery.redact(delivery.fault.message)}`);
    const lost = Object.entries(dropped).map(([reason, n]) => `${reason} ${toCountText(n)}`);
    if (lost.length > 0) {
      const where = (dropped['quarantined'] ?? 0) > 0 ? `; see ${escapeUnsafe(this.#settings.hec.quarantineFile)}` : '';
      problems.push(`${toCountOf(sumOf(dropped), 'event')} dropped: ${lost.join(', ')}${where}`);
    }
    if (queued > 0) {
      const why = ` (${ENDS[this.#end]}; ${toStatusText(delivery.status()!)})`;
      const wait = `${toCountOf(queued, 'event')} ${queued === 1 ? 'waits' : 'wait'} in the spool`;
      const folder = escapeUnsafe(delivery.spool.options.folder);
      problems.push(`${wait} ${folder}${why}; to deliver: ${toDrainCommand(this.#given)}`);
    }
    return problems.map((problem) => delivery.redact(problem));
  }

  /** Every event of the run is at the server. */
  get isComplete(): boolean {
    const { written, acknowledged } = this.delivery.counts();
    return written === acknowledged && this.#end !== 'spool_full';
  }
}

const ENDS = {
  done: 'done',
  failed: 'delivery ended',
  no_progress: 'no progress',
  interrupted: 'interrupted',
  spool_full: 'the spool is full, so the captures were not read to their end',
} as const;

/** Settings that can't work are the user's to mend, and so is a spool that can't be had. */
export async function asUserErrors<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof HecError) {
      const cure =
        error.code === 'bad_token'
          ? `; give it by --hec-token-file FILE, ${TOKEN_VARIABLE}, or hec.token_file in the configuration`
          : '';
      throw new UsageError(escapeUnsafe(error.message) + cure);
    }
    if (error instanceof SpoolError) {
      if (error.code === 'bad_option') throw new UsageError(error.message);
      const cure = error.code === 'locked' ? '; --spool DIR names another' : '';
      throw new OutputError('cannot_open', error.message + cure);
    }
    throw error;
  }
}
