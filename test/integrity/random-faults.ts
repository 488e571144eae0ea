/**
 * A million events through everything that goes wrong at once.
 *
 *     sender    killed every few seconds, and started again over the same spool
 *     server    one request in sixteen meets a fault; is away; refuses large bodies; its indexers restart and forget
 *     balancer  sends everybody to the other indexer
 *     token     is replaced; the old one ends half a second later
 *
 * The seed decides what happens next; when it meets which event is the machine's doing. A failure is found again with its seed, if not
 * always at the first try.
 */
import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { EVERY_ACK_FAULT, EVERY_EVENT_FAULT, SeededFaults, seededRandom } from '../support/hec/fault-plan.ts';
import { HecServer } from '../support/hec/hec-server.ts';
import { judge } from './judge.ts';
import { basePlan, delay, type Scenario, type ScenarioOptions, type ScenarioResult } from './scenario.ts';
import type { SenderReport } from './sender-plan.ts';
import { readCommits, SenderProcess } from './sender-process.ts';

const FAULT_RATE = 1 / 16;
/** A sender lives between these: enough for some commits and some requests. */
const MIN_LIFE_MS = 800;
const MAX_LIFE_MS = 4_000;
/** Slow enough that a million takes two minutes, and everything happens many times meanwhile. */
const EVENTS_PER_SECOND = 8_000;
/** Small, so that a run has thousands of requests. */
const BATCH_BYTES = 250_000;
/** Above one event, below one batch. */
const SMALL_CAP_BYTES = 100_000;
/** So long things go wrong while the last sender only delivers. */
const LAST_DISTURBED_MS = 4_000;
const SAY_MS = 5_000;

export const randomFaults: Scenario = { name: 'random faults', run };

async function run({ seed, folder, events, say }: ScenarioOptions): Promise<ScenarioResult> {
  const world = new World(seed, folder);
  await world.server.start();
  const outputs: string[] = [];
  const commandLines: string[] = [];
  let kills = 0;
  let report: SenderReport | null = null;
  let emitted = 0;
  const disturbing = world.disturb();
  try {
    while (emitted < events) {
      const plan = {
        ...basePlan(folder, world.server.url, world.tokenFile),
        events: events - emitted,
        eventsPerSecond: EVENTS_PER_SECOND,
        batchBytes: BATCH_BYTES,
        drainMs: 0,
      };
      const sender = new SenderProcess(plan);
      const lifeMs = MIN_LIFE_MS + world.random() * (MAX_LIFE_MS - MIN_LIFE_MS);
      const timer = setTimeout(() => sender.kill(), lifeMs);
      report = await sender.ended;
      clearTimeout(timer);
      outputs.push(sender.output);
      if (report === null) kills += 1;
      emitted = sumOfCommits(folder);
      say(`${emitted} events committed, ${world.server.ledger.distinct} received, ${kills} kills`);
    }
    // The rest must get through while requests still fail, but the sender lives.
    const last = new SenderProcess(basePlan(folder, world.server.url, world.tokenFile));
    await delay(50);
    commandLines.push(last.commandLine());
    const ticker = setInterval(() => say(`${world.server.ledger.distinct} received`), SAY_MS);
    const ended = last.ended.finally(() => clearInterval(ticker));
    await Promise.race([delay(LAST_DISTURBED_MS), ended]);
    world.isOver = true;
    report = await ended;
    outputs.push(last.output);
  } finally {
    world.isOver = true;
    // It may be about to start the server again.
    await disturbing;
    await world.server.stop();
  }
  if (report === null) throw new Error('the last sender was killed, and not by us');
  return conclude(world, folder, report, kills, [...outputs, ...commandLines].join('\n'));
}

function conclude(world: World, folder: string, report: SenderReport, kills: number, said: string): ScenarioResult {
  const { ledger, counters, indexers } = world.server;
  const judged = judge({ ledger, commits: readCommits(folder), report, wasKilled: true });
  const complaints = [...judged.complaints];
  for (const token of world.tokensEver)
    if (said.includes(token)) complaints.push('a token is in what the sender said, or in ps');
  const lost = indexers.reduce((sum, one) => sum + one.lost, 0);
  return {
    complaints,
    facts: [
      `${report.counters.emitted} emitted = ${report.counters.acknowledged} acknowledged + ${report.counters.queued} queued + ${JSON.stringify(report.counters.dropped)} dropped`,
      `${judged.received} distinct received, ${judged.duplicates} duplicates, all removable by event_id: ${ledger.conflicts === 0}; search: missing=${judged.missing}`,
      `${kills} SIGKILLs, ${world.tokensEver.length - 1} token rotations, ${world.outages} outages, ${lost} accepted events lost by restarting indexers`,
      `requests ${JSON.stringify(counters.requests)}; answers ${JSON.stringify(counters.answers)}`,
      `faults ${JSON.stringify(world.faults.drawn)}`,
    ],
  };
}

function sumOfCommits(folder: string): number {
  let sum = 0;
  for (const lastSeq of readCommits(folder).values()) sum += lastSeq + 1;
  return sum;
}

/** The server, and what is done to it. */
class World {
  readonly random: () => number;
  readonly faults: SeededFaults;
  readonly server: HecServer;
  readonly tokenFile: string;
  readonly tokensEver: string[] = [];
  outages = 0;
  isOver = false;

  constructor(seed: number, folder: string) {
    this.random = seededRandom(seed);
    this.faults = new SeededFaults({
      seed: seed + 1,
      rate: FAULT_RATE,
      eventFaults: EVERY_EVENT_FAULT,
      ackFaults: EVERY_ACK_FAULT,
    });
    this.server = new HecServer({ tokens: {}, indexers: 2, indexDelayMs: 120, faults: this.faults });
    this.tokenFile = path.join(folder, 'token');
    this.#newToken();
  }

  async disturb(): Promise<void> {
    const deeds: readonly (() => Promise<void> | void)[] = [
      () => this.#rotateToken(),
      () => this.#goAway(),
      () => this.#shrinkCap(),
      () => this.#failHealth(),
      () => this.server.restartIndexers(true),
      () => this.server.balancer.flip(),
      () => this.server.resetConnections(),
    ];
    while (!this.isOver) {
      await delay(300 + this.random() * 900);
      await deeds[Math.floor(this.random() * deeds.length)]!();
    }
  }

  #newToken(): string {
    const token = randomUUID();
    this.tokensEver.push(token);
    this.server.tokens.set(token, { usesAck: true });
    writeFileSync(`${this.tokenFile}.new`, `${token}\n`, { mode: 0o600 });
    renameSync(`${this.tokenFile}.new`, this.tokenFile);
    return token;
  }

  async #rotateToken(): Promise<void> {
    const old = this.tokensEver.at(-1)!;
    this.#newToken();
    await delay(500);
    this.server.tokens.delete(old);
  }

  async #goAway(): Promise<void> {
    this.outages += 1;
    await this.server.stop();
    await delay(200 + this.random() * 1_000);
    await this.server.start();
  }

  async #shrinkCap(): Promise<void> {
    const before = this.server.maxBodyBytes;
    this.server.sizeMode = this.random() < 0.5 ? 'enterprise' : 'cloud';
    this.server.maxBodyBytes = SMALL_CAP_BYTES;
    await delay(700);
    this.server.maxBodyBytes = before;
  }

  async #failHealth(): Promise<void> {
    const indexer = this.server.indexers[Math.floor(this.random() * this.server.indexers.length)]!;
    indexer.health = (['queuesFull', 'ackUnavailable', 'bothBad', 'shuttingDown'] as const)[
      Math.floor(this.random() * 4)
    ]!;
    await delay(600);
    indexer.health = 'healthy';
  }
}
