import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { KernelCounters } from '../../src/capture/live-source.ts';
import {
  addKernel,
  type LiveCounts,
  NO_KERNEL,
  NO_WORKER_COUNTS,
  sumReports,
  type WorkerReport,
  worseLink,
} from '../../src/sensor/live-counts.ts';
import { SensorMetrics } from '../../src/sensor/metrics.ts';
import { addByName, addCounts, countsOf, NO_COUNTS, packetsReceived } from '../../src/sensor/pipeline-counts.ts';
import { PipelineBench, readCapture } from '../support/pipeline-bench.ts';

const KERNEL: KernelCounters = {
  received: 100,
  receivedBytes: 50_000,
  ringDropped: 5,
  walked: 60,
  waiting: 5,
  freezes: 1,
  shunted: { finished: { packets: 20, bytes: 20_000 }, udp: { packets: 10, bytes: 1000 } },
};

function report(changes: Partial<WorkerReport>): WorkerReport {
  const handover = { taken: 7, dropped: { overflow: 2, worker_died: 1 }, inHand: 1, waitingBytes: 500 };
  return { ...NO_WORKER_COUNTS, kernel: KERNEL, made: 11, cpuS: 0.5, isWell: true, handover, ...changes };
}

describe('counts of pipelines', () => {
  it('of none are those of a pipeline that has read nothing', () => {
    expect(countsOf(new PipelineBench().pipeline)).toEqual(NO_COUNTS);
  });

  it('survive a message between threads, and add up', async () => {
    const { pipeline } = await readCapture('pcaps/tls12-ecdhe-rsa-chain.pcap');
    const counts = countsOf(pipeline);
    expect(structuredClone(counts)).toEqual(counts);
    expect(counts.handshakes.total).toBeGreaterThan(0);
    expect(addCounts(counts, NO_COUNTS)).toEqual(counts);
    const twice = addCounts(counts, counts);
    expect(packetsReceived(twice)).toBe(2 * packetsReceived(counts));
    expect(twice.flows.flows).toBe(2 * counts.flows.flows);
    expect(twice.handshakes.byVersion).toEqual(addByName(counts.handshakes.byVersion, counts.handshakes.byVersion));
    expect(Object.keys(twice.flows)).toEqual(Object.keys(counts.flows));
  });

  it('have names that only one side knows', () => {
    expect(addByName({ a: 1, b: 2 }, { b: 3, c: 4 })).toEqual({ a: 1, b: 5, c: 4 });
  });
});

describe('counts of a live capture', () => {
  it('add up over workers', () => {
    const counts = sumReports([report({}), report({ isWell: false, link: 'down', clockJumps: 2 })]);
    expect(counts).toMatchObject({
      workers: 1,
      link: 'down',
      made: 22,
      cpuS: 1,
      clockJumps: 2,
      handover: { taken: 14, dropped: { overflow: 4, worker_died: 2 }, inHand: 2, waitingBytes: 1000 },
      kernel: {
        received: 200,
        ringDropped: 10,
        walked: 120,
        shunted: { finished: { packets: 40, bytes: 40_000 }, udp: { packets: 20, bytes: 2000 } },
      },
    });
  });

  it('keep reasons that only one ring knows', () => {
    const other = { ...NO_KERNEL, received: 3, shunted: { budget: { packets: 3, bytes: 9 } } };
    expect(addKernel(KERNEL, other)).toMatchObject({
      received: 103,
      shunted: { ...KERNEL.shunted, budget: { packets: 3, bytes: 9 } },
    });
  });

  it('have the worst link that a worker knows of', () => {
    expect([worseLink('up', 'up'), worseLink('up', 'down'), worseLink('gone', 'down')]).toEqual(['up', 'down', 'gone']);
  });

  it('are metrics, which docs/operating.md lists', async () => {
    const live: LiveCounts = sumReports([report({})]);
    const metrics = new SensorMetrics(() => ({ pipeline: live.pipeline, live }), null);
    const text = await metrics.metrics();
    const sample = (line: string): void => expect(text.split('\n')).toContain(line);
    sample('spanglass_kernel_packets_received_total 100');
    sample('spanglass_kernel_shunted_packets_total{reason="finished"} 20');
    sample('spanglass_kernel_shunted_bytes_total{reason="udp"} 1000');
    sample('spanglass_kernel_ring_dropped_total 5');
    sample('spanglass_handover_dropped_total{reason="overflow"} 2');
    sample('spanglass_link_up 1');
    sample('spanglass_workers 1');
    const doc = readFileSync('docs/operating.md', 'utf8');
    for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) expect(doc).toContain(`\`${name}`);
  });
});
