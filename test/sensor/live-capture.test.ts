import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DroppedEvents, EventBatch } from '../../src/sensor/event-batch.ts';
import { FilterError } from '../../src/sensor/filter.ts';
import type { Finding } from '../../src/sensor/finding.ts';
import { LiveCapture } from '../../src/sensor/live-capture.ts';
import type { LiveCounts } from '../../src/sensor/live-counts.ts';
import type { LiveOptions, LiveOutlet } from '../../src/sensor/live-options.ts';
import { packetsReceived } from '../../src/sensor/pipeline-counts.ts';
import { bundleProgram } from '../support/bundled-program.ts';
import type { FileInterface } from '../support/file-interface.ts';
import { joinCaptures, replayEvents } from '../support/replay-events.ts';

/** Differ between runs, and between streams. */
const OWN_FIELDS = ['boot_id', 'seq', 'event_id', 'flow_id'];

let workerUrl: URL;
let folder: string;
/** All captures of pcaps/ that are of IPv4, one behind the other. */
let everything: string;

beforeAll(async () => {
  workerUrl = pathToFileURL(await bundleProgram('test/support/file-capture-worker.ts'));
  folder = mkdtempSync(join(tmpdir(), 'spanglass-live-'));
  everything = await joinCaptures(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function toContent(line: string): string {
  const { event }: { event: Record<string, unknown> } = JSON.parse(line);
  return JSON.stringify(Object.entries(event).filter(([name]) => !OWN_FIELDS.includes(name)));
}

/** Events of a replay, without what is a run's own, sorted. */
async function replayed(path: string): Promise<string[]> {
  return (await replayEvents(path)).map(toContent).toSorted();
}

/** What came out of a capture. Batches are taken when `take` says so. */
class Outlet implements LiveOutlet {
  readonly lines: string[] = [];
  /** Numbers by stream, in the order in which they came. */
  readonly seqs = new Map<string, number[]>();
  readonly dropped: DroppedEvents[] = [];
  readonly findings: Finding[] = [];
  readonly notes: string[] = [];
  readonly links: string[] = [];
  readonly faults: Error[] = [];
  /** Batches and lines that are not what they say. */
  torn = 0;
  #isHeld = false;
  #waiting: (() => void)[] = [];

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }

  onBatch(batch: EventBatch): Promise<void> | null {
    const seqs = this.seqs.get(batch.bootId) ?? [];
    this.seqs.set(batch.bootId, seqs);
    let start = 0;
    batch.ends.forEach((end, i) => {
      if (batch.lines[end - 1] !== 0x0a) this.torn += 1;
      this.lines.push(Buffer.from(batch.lines.subarray(start, end)).toString());
      seqs.push(batch.firstSeq + i);
      start = end;
    });
    if (batch.ends.length !== batch.count || start !== batch.lines.length) this.torn += 1;
    return this.#isHeld ? new Promise((resolve) => this.#waiting.push(resolve)) : null;
  }

  onDropped(dropped: DroppedEvents): void {
    this.dropped.push(dropped);
  }

  onFindings(findings: readonly Finding[]): void {
    this.findings.push(...findings);
  }

  onNote(text: string): void {
    this.notes.push(text);
  }

  onLink(state: string): void {
    this.links.push(state);
  }

  onFault(error: Error): void {
    this.faults.push(error);
  }
}

function optionsFor(file: Partial<FileInterface>, changes: Partial<LiveOptions> = {}): LiveOptions {
  const workers = file.workers ?? 1;
  const name: FileInterface = { path: everything, workers, ...file };
  return {
    source: {
      kind: 'ring',
      interface: JSON.stringify(name),
      blockBytes: 1 << 20,
      blocks: 1,
      retireMs: 50,
      promiscuous: false,
      shunt: null,
      filter: null,
    },
    workers,
    sensor: 'test',
    profile: 'stream:ssl',
    events: {},
    scoring: 'refined',
    filter: null,
    minRisk: 0,
    maxFlows: 10_000,
    hasEvents: true,
    hasFindings: true,
    workerUrl,
    ...changes,
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; !isTrue(); i++) {
    if (i > 1000) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function expectSums(counts: LiveCounts): void {
  const { kernel, pipeline, sieve, handover, made } = counts;
  expect(kernel.received).toBe(kernel.ringDropped + kernel.walked + kernel.waiting);
  expect(packetsReceived(pipeline)).toBe(kernel.walked);
  expect(pipeline.handshakes.total).toBe(sieve.kept + sieve.belowMinRisk + sieve.filtered);
  expect(made).toBe(handover.taken + handover.dropped.overflow + handover.dropped.worker_died + handover.inHand);
}

/** Everything read and handed over. */
async function captureAll(options: LiveOptions, outlet: Outlet): Promise<LiveCounts> {
  const capture = await LiveCapture.open(options, outlet);
  capture.start();
  await until(() => capture.counts().kernel.walked > 0);
  return capture.stop();
}

describe('LiveCapture', () => {
  it.each([1, 2, 3])('gives with %i worker(s) the events that a replay gives', async (workers) => {
    const outlet = new Outlet();
    const counts = await captureAll(optionsFor({ workers }), outlet);
    expect(outlet.faults).toEqual([]);
    expect(outlet.lines.map(toContent).toSorted()).toEqual(await replayed(everything));
    expect([outlet.notes, outlet.torn]).toEqual([['the interface is a file'], 0]);
    expectSums(counts);
    expect(counts).toMatchObject({ workers, link: 'up', handover: { taken: outlet.lines.length, inHand: 0 } });
    expect(counts.cpuS).toBeGreaterThan(0);
    // Each worker is a stream, numbered without a gap.
    expect(outlet.seqs.size).toBe(workers);
    for (const seqs of outlet.seqs.values()) expect(seqs).toEqual(seqs.map((_, i) => i));
  });

  it('reads nothing before it is told to start', async () => {
    const outlet = new Outlet();
    const capture = await LiveCapture.open(optionsFor({}), outlet);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(capture.counts().kernel.walked).toBe(0);
    const counts = await capture.stop();
    expectSums(counts);
    expect(outlet.faults).toEqual([]);
  });

  it('hands events over while it runs, not only at the end', async () => {
    const outlet = new Outlet();
    const capture = await LiveCapture.open(optionsFor({}), outlet);
    capture.start();
    await until(() => outlet.lines.length > 0);
    await until(() => capture.counts().made > 0);
    expectSums(capture.counts());
    await capture.stop();
  });

  it('shows findings as they come, and only where somebody looks', async () => {
    const outlet = new Outlet();
    const counts = await captureAll(optionsFor({}), outlet);
    expect(outlet.findings.length + counts.findingsNotShown).toBe(counts.sieve.findings);
    expect(outlet.findings.map(({ level }) => level)).toContain('High');
    const quiet = new Outlet();
    await captureAll(optionsFor({}, { hasFindings: false, hasEvents: false }), quiet);
    expect([quiet.findings.length, quiet.lines.length]).toEqual([0, 0]);
  });

  it('filters in the worker, and changes filter, least risk and scoring while it runs', async () => {
    const outlet = new Outlet();
    const never = 'sni nobody.example';
    const capture = await LiveCapture.open(optionsFor({ rounds: 1_000_000 }, { filter: never }), outlet);
    capture.start();
    await until(() => capture.counts().sieve.filtered > 0);
    expect(outlet.lines.length).toBe(0);
    expect(() => capture.reload({ filter: 'sni (' })).toThrow(FilterError);
    capture.reload({ filter: null, minRisk: 7 });
    await until(() => outlet.lines.length > 0);
    const counts = await capture.stop();
    expect(counts.sieve.belowMinRisk).toBeGreaterThan(0);
    expect(outlet.findings.every(({ score }) => score === 7)).toBe(true);
    expectSums(counts);
  });

  it('refuses a filter that it cannot read, before anything is opened', async () => {
    await expect(LiveCapture.open(optionsFor({}, { filter: 'risk >' }), new Outlet())).rejects.toThrow(FilterError);
  });

  it('drops events, and says which, where nobody takes them; the reading goes on', async () => {
    const outlet = new Outlet();
    outlet.hold();
    const options = optionsFor({ rounds: 1_000_000 }, { maxWaitingBytes: 600_000 });
    const capture = await LiveCapture.open(options, outlet);
    capture.start();
    await until(() => outlet.dropped.length > 0);
    const held = capture.counts();
    await until(() => capture.counts().kernel.walked > held.kernel.walked);
    expect(capture.counts().handover.waitingBytes).toBeLessThanOrEqual(600_000);
    outlet.release();
    const before = outlet.lines.length;
    await until(() => outlet.lines.length > before);
    const counts = await capture.stop();
    expectSums(counts);
    expect(counts.handover.inHand).toBe(0);
    expect(counts.handover.dropped.overflow).toBe(outlet.dropped.reduce((sum, { count }) => sum + count, 0));
    // Batches and drops together are all numbers, each once.
    const [bootId] = capture.bootIds;
    const seqs = [...outlet.seqs.get(bootId!)!];
    for (const { firstSeq, count } of outlet.dropped) for (let i = 0; i < count; i++) seqs.push(firstSeq + i);
    expect(seqs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: counts.made }, (_, i) => i));
  });

  it('tells of a link that goes down', async () => {
    const outlet = new Outlet();
    const capture = await LiveCapture.open(optionsFor({ workers: 2, linkDownAt: 20 }), outlet);
    capture.start();
    await until(() => outlet.links.length > 0);
    expect(outlet.links).toEqual(['down']);
    await capture.stop();
  });

  it('refuses to open where one ring cannot be opened, and leaves no thread behind', async () => {
    const opening = LiveCapture.open(optionsFor({ workers: 2, refuse: true }), new Outlet());
    await expect(opening).rejects.toMatchObject({
      name: 'CaptureError',
      code: 'not_found',
      path: 'eth9',
      message: 'eth9: no such interface',
    });
  });
});

describe('LiveCapture: a worker that fails', () => {
  it('is told with its stack, what it had is handed over, and the others go on', async () => {
    const outlet = new Outlet();
    const capture = await LiveCapture.open(optionsFor({ workers: 2, failAt: 3 }), outlet);
    capture.start();
    await until(() => outlet.faults.length > 0);
    expect(outlet.faults[0]!.message).toBe('the impossible happened');
    expect(outlet.faults[0]!.stack).toContain('file-capture-worker');
    expect(capture.counts().workers).toBe(1);
    const counts = await capture.stop();
    expect(counts.workers).toBe(1);
    expect(counts.handover.inHand).toBe(0);
    expect(outlet.faults.length).toBe(1);
  });

  it('is missed when it ends without a word, and its events in hand are counted', async () => {
    const outlet = new Outlet();
    // Nothing is taken, and what is dropped is told once a second: the thread ends in between.
    const options = optionsFor({ rounds: 1_000_000, exitAt: 10 }, { maxWaitingBytes: 1 });
    const capture = await LiveCapture.open(options, outlet);
    capture.start();
    await until(() => outlet.faults.length > 0);
    expect(outlet.faults[0]!.message).toBe('a capture worker ended by itself, with code 7');
    const counts = await capture.stop();
    const { made, handover } = counts;
    const { overflow, worker_died } = handover.dropped;
    expect(worker_died).toBeGreaterThan(0);
    expect([made, handover.taken, handover.inHand]).toEqual([overflow + worker_died, 0, 0]);
    const [bootId] = capture.bootIds;
    const died = { bootId, firstSeq: overflow, count: worker_died, reason: 'worker_died' };
    expect(outlet.dropped.at(-1)).toEqual(died);
  });

  it('may be ended at once, and then what is in hand is told as dropped', async () => {
    const outlet = new Outlet();
    const capture = await LiveCapture.open(optionsFor({ rounds: 1_000_000 }), outlet);
    capture.start();
    await until(() => outlet.lines.length > 0);
    const counts = await capture.abandon();
    expect(outlet.faults).toEqual([]);
    const dropped = outlet.dropped.reduce((sum, { count }) => sum + count, 0);
    expect(counts.made).toBe(outlet.lines.length + dropped);
  });
});
