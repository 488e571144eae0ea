/**
 * The fuzzer: mutated inputs through every parser, judged by the promises of `targets-*.ts`.
 *
 *     main ── plan ──> worker: makes inputs, runs them         main ── watches the worker's shared numbers
 *          <─ findings, samples of memory ──                        └─ no progress: the input at hand is made again and kept
 *
 * What is found is written to `test/fuzz/found`, where the tests replay it for ever.
 */
import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

import { keepInput, readInput, targetOf } from './found-inputs.ts';
import { findGrowth, type MemorySample } from './growth.ts';
import { InputMaker } from './input-maker.ts';
import { HANG_MS, MAX_FINDINGS } from './limits.ts';
import { type FuzzOptions, parseOptions, USAGE } from './options.ts';
import { type FuzzMessage, type FuzzPlan, Progress, sharedBytes } from './progress.ts';
import { runInput } from './run-input.ts';
import { readSamples } from './samples.ts';
import { TARGETS } from './targets.ts';

const TICK_MS = 500;
const MIB = 1_048_576;

const options = parseOptions(
  process.argv.slice(2),
  TARGETS.map((target) => target.name),
);
if (typeof options === 'string') {
  process.stderr.write(`fuzz: ${options}\n\n${USAGE}`);
  process.exitCode = 2;
} else if (options.isList) {
  for (const { name, weight } of TARGETS) process.stdout.write(`${name.padEnd(28)}${weight} inputs a round\n`);
} else if (options.replay.length > 0) {
  process.exitCode = await replay(options.replay);
} else {
  process.exitCode = await fuzz(options);
}

async function replay(files: readonly string[]): Promise<number> {
  let failed = 0;
  for (const file of files) {
    const target = TARGETS.find((one) => one.name === targetOf(file));
    if (target === undefined) {
      process.stderr.write(`fuzz: ${file}: its name begins with no target\n`);
      return 2;
    }
    const { reason, ms } = await runInput(target, readInput(file));
    process.stdout.write(`${file}: ${reason ?? `holds (${ms.toFixed(1)} ms)`}\n`);
    if (reason !== null) failed += 1;
  }
  return failed > 0 ? 1 : 0;
}

async function fuzz(options: FuzzOptions): Promise<number> {
  const { targets, seed, inputs, firstIndex, withCorpus } = options;
  const shared = new SharedArrayBuffer(sharedBytes(targets.length));
  const plan: FuzzPlan = { seed, targets, inputs, firstIndex, withCorpus, shared };
  const progress = new Progress(shared);
  progress.at = -1;
  for (let i = 0; i < targets.length; i++) progress.setNext(i, firstIndex);
  const memory: MemorySample[] = [];
  let findings = 0;
  let hangs = 0;

  const onMessage = (message: FuzzMessage): void => {
    if (message.kind === 'memory') memory.push(message.sample);
    if (message.kind === 'finding') {
      findings += 1;
      report(seed, message.target, message.index, message.reason, message.bytes);
    }
    if (message.kind === 'seeds') {
      const { captures, certificates, connections } = message;
      say(
        `seed ${seed}, ${targets.length} targets; ${captures} captures, ${connections} connections, ${certificates} certificates as seeds`,
      );
    }
  };
  const stop = (): void => progress.stop();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);

  const began = performance.now();
  for (let isDone = false; !isDone; ) {
    const failure = await watch(plan, progress, onMessage, began + options.seconds * 1000);
    isDone = failure === null;
    if (failure === null) break;
    findings += 1;
    const i = progress.at;
    if (i < 0) {
      say(`the worker failed between inputs: ${failure}`);
      break;
    }
    const index = progress.nextOf(i);
    const target = TARGETS.find((one) => one.name === targets[i])!;
    report(seed, target.name, index, failure, new InputMaker(target, readSamples(withCorpus), seed).make(index));
    progress.count(i);
    progress.at = -1;
    if (++hangs >= MAX_FINDINGS) break;
  }
  const growth = findGrowth(memory);
  summarise(targets, progress, (performance.now() - began) / 1000, findings);
  const held = `${(growth.third / MIB).toFixed(1)} MiB in the third quarter of the run, ${(growth.last / MIB).toFixed(1)} in the last`;
  if (growth.isGrowing === null) say('memory: the run was too short to tell whether it grows');
  else say(`memory ${growth.isGrowing ? 'GROWS' : 'does not grow'}: live after collection ${held}`);
  return findings > 0 || growth.isGrowing === true ? 1 : 0;
}

/** Runs a worker to its end. Null, or why it did not reach it: the input at hand is to blame. */
async function watch(
  plan: FuzzPlan,
  progress: Progress,
  onMessage: (message: FuzzMessage) => void,
  untilMs: number,
): Promise<string | null> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: plan });
  let failure: string | null = null;
  let isDone = false;
  let before = -1;
  let movedAt = performance.now();
  worker.on('message', (message: FuzzMessage) => {
    if (message.kind === 'done') isDone = true;
    else onMessage(message);
  });
  worker.on('error', (error) => {
    failure = error.stack ?? error.message;
  });
  const timer = setInterval(() => {
    const now = performance.now();
    if (now > untilMs) progress.stop();
    if (progress.done !== before || progress.at < 0) movedAt = now;
    showProgress(plan, progress, before < 0 ? 0 : (progress.done - before) / (TICK_MS / 1000));
    before = progress.done;
    if (now - movedAt < HANG_MS) return;
    failure = `hangs: no end after ${HANG_MS / 1000} s`;
    void worker.terminate();
  }, TICK_MS);
  const [code]: unknown[] = await once(worker, 'exit').catch((error: unknown) => [String(error)]);
  clearInterval(timer);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return failure ?? (isDone ? null : `the worker ended with ${String(code)}`);
}

function showProgress(plan: FuzzPlan, progress: Progress, perSecond: number): void {
  if (!process.stderr.isTTY) return;
  const of = Number.isFinite(plan.inputs) ? ` of ${count(plan.inputs)}` : '';
  const target = plan.targets[progress.at] ?? '';
  process.stderr.write(`\r\x1b[K${count(progress.done)}${of} inputs, ${count(perSecond)}/s  ${target}`);
}

function report(seed: number, target: string, index: number, reason: string, bytes: Uint8Array): void {
  const file = path.relative(process.cwd(), keepInput(target, bytes));
  say(`FOUND ${target}, input ${index} (${bytes.length} bytes): ${reason}`);
  say(`  replay it: npm run fuzz -- --replay ${file}`);
  say(`  or with what went before: npm run fuzz -- --target ${target} --seed ${seed} --inputs ${index + 1}`);
}

function summarise(targets: readonly string[], progress: Progress, seconds: number, findings: number): void {
  say(
    `${'target'.padEnd(28)}${'inputs'.padStart(12)}${'inputs/s'.padStart(12)}${'share'.padStart(8)}${'slowest'.padStart(12)}`,
  );
  targets.forEach((name, i) => {
    const spent = progress.spentMsOf(i);
    const rate = spent > 0 ? (progress.inputsOf(i) / spent) * 1000 : 0;
    const share = `${(spent / 10 / seconds || 0).toFixed(1)} %`;
    say(
      `${name.padEnd(28)}${count(progress.inputsOf(i)).padStart(12)}${count(rate).padStart(12)}${share.padStart(8)}${`${progress.slowestMsOf(i).toFixed(1)} ms`.padStart(12)}`,
    );
  });
  say(
    `${count(progress.done)} inputs in ${seconds.toFixed(1)} s, ${count(progress.done / seconds)}/s; ${findings} found`,
  );
}

function count(n: number): string {
  return Math.round(n).toLocaleString('en-US').replaceAll(',', ' ');
}

function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  process.stdout.write(`${line}\n`);
}
