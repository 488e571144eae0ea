/**
 * What a capture worker does with its thread: packets from its ring through its own pipeline, events out in batches.
 *
 *     source ─> Pipeline ─> EventSieve ─> EventBuilder ─> Handover ─> main thread
 *                  │            └─> ShownFindings ─────────────────> main thread
 *                  └─ flows that are done with ─> FlowShunt ─> kernel
 *
 * The thread has nothing else to do, so the source may wait in the kernel; between blocks the event loop gets a turn now and then, in
 * which messages to the worker are heard. Nothing here waits for the main thread.
 */
import { readFileSync } from 'node:fs';
import { CaptureError } from '../capture/capture-error.ts';
import type { LinkState, LiveSource } from '../capture/live-source.ts';
import { PacketBlock } from '../capture/packet-source.ts';
import { EventBuilder } from '../event/build-event.ts';
import type { EventFacts } from '../event/event-facts.ts';
import { JsonWriter } from '../event/json-writer.ts';
import { PROFILES } from '../event/profile.ts';
import { EventSieve } from './event-sieve.ts';
import { parseFilter } from './filter.ts';
import { Handover } from './handover.ts';
import { HandoverLedger } from './handover-ledger.ts';
import { COUNTS_EVERY_MS, TURN_MS } from './limits.ts';
import { LiveClock } from './live-clock.ts';
import type { WorkerCounts } from './live-counts.ts';
import type { LivePatch } from './live-options.ts';
import { Pipeline } from './pipeline.ts';
import { countsOf } from './pipeline-counts.ts';
import { toSentError } from './sent-error.ts';
import { ShownFindings } from './shown-findings.ts';
import type { FromWorker, ToWorker, WorkerPlan } from './worker-messages.ts';

export type Send = (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void;

export class WorkerRun {
  readonly #plan: WorkerPlan;
  readonly #source: LiveSource;
  readonly #send: Send;
  readonly #pipeline: Pipeline;
  readonly #clock = new LiveClock();
  readonly #sieve: EventSieve;
  readonly #builder: EventBuilder;
  readonly #json = new JsonWriter();
  readonly #handover: Handover;
  readonly #findings: ShownFindings;
  #link: LinkState;
  #notesTold: number;
  #nowMs = 0;

  constructor(plan: WorkerPlan, source: LiveSource, send: Send) {
    this.#plan = plan;
    this.#source = source;
    this.#send = send;
    this.#link = source.link;
    this.#notesTold = source.notes.length;
    this.#sieve = new EventSieve({ filter: toPredicate(plan.filter), minRisk: plan.minRisk });
    const identity = { sensor: plan.sensor, bootId: plan.bootId };
    this.#builder = new EventBuilder(identity, PROFILES[plan.profile], plan.events);
    this.#handover = new Handover(plan.bootId, new HandoverLedger(plan.ledger), plan.maxWaitingBytes, {
      onBatch: (batch) => send({ kind: 'batch', batch }, [batch.lines.buffer, batch.ends.buffer]),
      onDropped: (firstSeq, count) => send({ kind: 'dropped', firstSeq, count }),
    });
    this.#findings = new ShownFindings((findings) => send({ kind: 'findings', findings }));
    const { shunt } = source;
    this.#pipeline = new Pipeline(
      { onHandshake: (facts) => this.#onHandshake(facts) },
      {
        scoring: plan.scoring,
        maxFlows: plan.maxFlows,
        clock: this.#clock,
        // A classic filter has no budget, and forgets nothing.
        ...(shunt !== null &&
          shunt.kind !== 'classic' && {
            flowBudgetBytes: budgetOf(plan),
            onFlowDone: shunt.finish.bind(shunt),
          }),
      },
    );
  }

  /** A message to the worker, but for `start`. */
  receive(message: ToWorker): void {
    if (message.kind === 'spare') this.#handover.takeBack(message.lines, message.ends);
    else if (message.kind === 'reload') this.#reload(message.patch);
    else if (message.kind === 'stop') this.#source.stopIntake();
  }

  /** Reads until the source has ended, which it does when its intake was stopped and all that was in it has been read. */
  async run(): Promise<void> {
    const fault = await this.#read();
    // Of a pipeline that failed nothing can be said; a source that failed is an end like any other.
    if (fault === null || fault instanceof CaptureError) this.#pipeline.finish();
    this.#source.shunt?.flush();
    this.#findings.flush();
    this.#handover.flush();
    this.#handover.tellDropped();
    this.#tellChanges();
    const counts = this.#counts();
    await this.#source.close();
    if (fault === null) this.#send({ kind: 'done', counts });
    else this.#send({ kind: 'failed', counts, fault: toSentError(fault) });
  }

  /** What ended the reading, if it was not the end of the source. */
  async #read(): Promise<unknown> {
    const source = this.#source;
    const pipeline = this.#pipeline;
    const block = new PacketBlock();
    let turnAtMs = 0;
    let countsAtMs = 0;
    try {
      while (await source.next(block)) {
        this.#nowMs = performance.now();
        if (block.count > 0) pipeline.read(block, source.interfaces);
        else pipeline.tick();
        source.shunt?.flush();
        const nowMs = performance.now();
        this.#handover.tick(nowMs);
        this.#findings.tick(nowMs);
        if (nowMs >= countsAtMs) {
          countsAtMs = nowMs + COUNTS_EVERY_MS;
          this.#handover.tellDropped();
          this.#tellChanges();
          this.#send({ kind: 'counts', counts: this.#counts() });
        }
        if (nowMs < turnAtMs) continue;
        await new Promise(setImmediate);
        turnAtMs = performance.now() + TURN_MS;
      }
      return null;
    } catch (error) {
      return error;
    }
  }

  #onHandshake(facts: EventFacts): void {
    if (!this.#sieve.pass(facts)) return;
    if (this.#plan.hasFindings && this.#sieve.isFinding(facts)) this.#findings.add(facts);
    if (!this.#plan.hasEvents) return;
    this.#json.reset();
    this.#builder.writeJson(facts, this.#json);
    this.#handover.append(this.#json.view(), facts.seq, this.#nowMs);
  }

  /** The filter was read once before it was sent. */
  #reload({ scoring, filter, minRisk }: LivePatch): void {
    if (scoring !== undefined) this.#pipeline.setScoring(scoring);
    const { rules } = this.#sieve;
    this.#sieve.rules = {
      filter: filter === undefined ? rules.filter : toPredicate(filter),
      minRisk: minRisk ?? rules.minRisk,
    };
  }

  /** Link state and notes, where they are new. */
  #tellChanges(): void {
    const { link, notes } = this.#source;
    if (link !== this.#link) this.#send({ kind: 'link', link });
    this.#link = link;
    for (const text of notes.slice(this.#notesTold)) this.#send({ kind: 'note', text });
    this.#notesTold = notes.length;
  }

  #counts(): WorkerCounts {
    return {
      pipeline: countsOf(this.#pipeline),
      source: { ...this.#source.counters },
      kernel: this.#source.readKernel(),
      sieve: this.#sieve.counts(),
      link: this.#source.link,
      made: this.#plan.hasEvents ? this.#sieve.kept : 0,
      findingsNotShown: this.#findings.notShown,
      clockJumps: this.#clock.jumps,
      cpuS: readThreadCpuS(),
    };
  }
}

function budgetOf({ source }: WorkerPlan): number {
  return (source.kind === 'ring' ? source.shunt?.budgetBytes : undefined) ?? Number.POSITIVE_INFINITY;
}

function toPredicate(filter: string | null): EventSieve['rules']['filter'] {
  return filter === null ? null : parseFilter(filter);
}

/** CPU time of this thread in seconds, from its `schedstat` (proc(5), nanoseconds); 0 where there is none. */
function readThreadCpuS(): number {
  if (process.platform !== 'linux') return 0;
  try {
    return Number.parseInt(readFileSync('/proc/thread-self/schedstat', 'latin1'), 10) / 1e9;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return 0;
    throw error;
  }
}
