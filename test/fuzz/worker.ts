/**
 * The thread that runs inputs. Targets take turns in rounds, each with as many inputs as its weight says, so that all of them have
 * been seen whenever the run is stopped. Started by `main.ts`, and started again by it after an input that hangs.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';

import { InputMaker } from './input-maker.ts';
import { MAX_FINDINGS, SAMPLE_MS } from './limits.ts';
import { type FuzzMessage, type FuzzPlan, Progress } from './progress.ts';
import { runInput } from './run-input.ts';
import { readSamples } from './samples.ts';
import { TARGETS } from './targets.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const plan: FuzzPlan = workerData;
const progress = new Progress(plan.shared);
const samples = readSamples(plan.withCorpus);
const makers = plan.targets.map(
  (name) => new InputMaker(TARGETS.find((target) => target.name === name)!, samples, plan.seed),
);
const findings = plan.targets.map(() => 0);

send({
  kind: 'seeds',
  captures: samples.captures.length,
  certificates: samples.certificates.length,
  connections: samples.connections.length,
});
await run();
progress.at = -1;
send({ kind: 'done' });

async function run(): Promise<void> {
  let sampleAt = performance.now() + SAMPLE_MS;
  while (!isOver()) {
    for (let i = 0; i < makers.length && !isOver(); i++) {
      if (findings[i]! < MAX_FINDINGS) await runTurn(i, makers[i]!);
      if (performance.now() < sampleAt) continue;
      progress.at = -1;
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      send({ kind: 'memory', sample: { inputs: progress.done, liveBytes: heapUsed + external } });
      sampleAt = performance.now() + SAMPLE_MS;
    }
    if (findings.every((count) => count >= MAX_FINDINGS)) return;
  }
}

async function runTurn(i: number, maker: InputMaker): Promise<void> {
  const { target } = maker;
  const began = performance.now();
  let slowestMs = 0;
  progress.at = i;
  for (let n = 0; n < target.weight && !isOver(); n++) {
    const index = progress.nextOf(i);
    const bytes = maker.make(index);
    const { reason, ms } = await runInput(target, bytes);
    if (ms > slowestMs) slowestMs = ms;
    progress.count(i);
    if (reason === null) continue;
    send({ kind: 'finding', target: target.name, index, reason, bytes });
    if (++findings[i]! >= MAX_FINDINGS) break;
  }
  progress.spend(i, performance.now() - began, slowestMs);
}

function isOver(): boolean {
  return progress.isStopped || progress.done >= plan.inputs;
}

function send(message: FuzzMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a worker, not a window
  parentPort!.postMessage(message);
}
