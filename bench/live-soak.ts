/**
 * Hours at full speed, in minutes: the same connections again and again, each time with other addresses. Memory must stay flat once its caches
 * are full, no descriptor may be left open, nothing may be lost, and the counters must add up.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkLab } from '../test/support/netns.ts';
import { sensor } from './live-listeners.ts';
import { send, startListener } from './live-run.ts';
import type { Sender } from './live-senders.ts';
import { usageOf, waitForRest } from './process-tree.ts';

export interface SoakOptions {
  readonly program: string;
  readonly capture: string;
  readonly seconds: number;
  readonly folder: string;
  readonly sender: Sender;
  readonly say: (line: string) => void;
}

const REPORT_EVERY_S = 10;
const SAMPLES = 12;
const LOOPS_AT_A_TIME = 20;
/** Caches fill and files are opened in the first third; after it, own memory may be so much higher than at its highest until then. */
const GROWTH = 1.15;
const GROWTH_MB = 20;
const REST_MS = 500;
const REST_TIMEOUT_MS = 60_000;

/** Whether memory and descriptors stayed as they were, and the sums are exact. */
export async function soak(options: SoakOptions): Promise<boolean> {
  const { folder, say, seconds } = options;
  const lab = new NetworkLab();
  const scratch = mkdtempSync(join(folder, 'soak-'));
  try {
    const [from, to] = [lab.namespace('tx'), lab.namespace('rx')];
    lab.connect({ namespace: from, device: 't0' }, { namespace: to, device: 'r0' });
    // Gigabytes of events would be written otherwise: what is measured is everything before the file.
    const listener = sensor(options.program, ['--rotate-size', '100MB', '--min-risk', '5']);
    const running = await startListener(listener, to, scratch);
    const samples = [usageOf(running.pid)];
    const beganMs = performance.now();
    const elapsedS = () => (performance.now() - beganMs) / 1000;
    let toldS = 0;
    const timer = setInterval(
      () => {
        const usage = usageOf(running.pid);
        samples.push(usage);
        if (elapsedS() < toldS + REPORT_EVERY_S) return;
        toldS = elapsedS();
        const own = `${usage.ownRssMb.toFixed(0)} MB of its own, peak ${usage.peakRssMb.toFixed(0)} MB with the ring`;
        say(`${elapsedS().toFixed(0)} s: ${own}, ${usage.descriptors} descriptors, ${usage.cpuS.toFixed(1)} s of CPU`);
      },
      Math.min((seconds * 1000) / SAMPLES, REPORT_EVERY_S * 1000),
    );
    let frames = 0;
    try {
      while (elapsedS() < seconds) {
        const sent = await send(options.sender, from, { capture: options.capture, loops: LOOPS_AT_A_TIME, rate: 0 });
        frames += sent.frames;
      }
    } finally {
      clearInterval(timer);
    }
    samples.push(await waitForRest(running.pid, REST_MS, REST_TIMEOUT_MS));
    const report = listener.readReport(scratch, await running.end());
    const third = Math.ceil(samples.length / 3);
    const highest = (part: readonly { ownRssMb: number }[]) => Math.max(...part.map(({ ownRssMb }) => ownRssMb));
    const [early, late] = [highest(samples.slice(0, third)), highest(samples.slice(third))];
    const most = (part: readonly { descriptors: number }[]) => Math.max(...part.map(({ descriptors: n }) => n));
    const descriptors = most(samples.slice(third)) - most(samples.slice(0, third));
    const faults = [
      ...(late > early * GROWTH + GROWTH_MB ? [`memory grew from ${early.toFixed(0)} to ${late.toFixed(0)} MB`] : []),
      ...(descriptors > 0 ? [`${descriptors} descriptors more than in the first third`] : []),
      ...(report.received === frames ? [] : [`${report.received} packets counted of ${frames}`]),
      ...(report.sensor?.isExact ? [] : ['its counters do not add up']),
    ];
    say(`${frames} packets in ${elapsedS().toFixed(0)} s, ${report.dropped} dropped by the ring`);
    say(`own memory ${early.toFixed(0)} MB in the first third, ${late.toFixed(0)} MB after it`);
    for (const fault of faults) say(`soak: ${fault}`);
    return faults.length === 0;
  } finally {
    lab.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}
