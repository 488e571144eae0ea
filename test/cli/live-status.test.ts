import { describe, expect, it } from 'vitest';
import { toRates, toStatusFields, toStatusLine } from '../../src/cli/live-status.ts';
import { LiveWatch } from '../../src/cli/live-watch.ts';
import { type LiveCounts, NO_KERNEL, NO_WORKER_COUNTS } from '../../src/sensor/live-counts.ts';

const IDLE: LiveCounts = {
  ...NO_WORKER_COUNTS,
  workers: 2,
  handover: { taken: 0, dropped: { overflow: 0, worker_died: 0 }, inHand: 0, waitingBytes: 0 },
};

function countsWith(part: Partial<LiveCounts>): LiveCounts {
  return { ...IDLE, ...part };
}

function dropping(ringDropped: number): LiveCounts {
  return countsWith({ kernel: { ...NO_KERNEL, ringDropped } });
}

const BUSY = countsWith({
  kernel: {
    ...NO_KERNEL,
    received: 542_068,
    receivedBytes: 602_500_000,
    ringDropped: 12,
    shunted: { finished: { packets: 500_000, bytes: 580_000_000 }, udp: { packets: 1, bytes: 207_500 } },
  },
  pipeline: {
    ...IDLE.pipeline,
    openFlows: 12_034,
    handshakes: { ...IDLE.pipeline.handshakes, total: 284 },
  },
  cpuS: 1,
});

describe('the status line', () => {
  it('has rates between two moments, and what is at hand', () => {
    const rates = toRates(IDLE, BUSY, 2);
    expect(toStatusLine('eth1', rates, BUSY, 3)).toBe(
      'eth1 up  2.41 Gbit/s  271,034 pkt/s  96.3 % shunted  12 ring drops (+6/s)  12,034 flows  142 hs/s  3 waiting  load 25 %',
    );
  });

  it('is calm where nothing comes', () => {
    const line = toStatusLine('eth1', toRates(BUSY, BUSY, 1), BUSY, null);
    expect(line).toBe('eth1 up  0 bit/s  0 pkt/s  0.0 % shunted  12 ring drops  12,034 flows  0 hs/s  load 0 %');
  });

  it('names a link that is down, and events that were lost', () => {
    const handover = { ...IDLE.handover, dropped: { overflow: 7, worker_died: 0 } };
    const line = toStatusLine('eth1', toRates(IDLE, IDLE, 1), countsWith({ link: 'down', handover }), null);
    expect(line).toContain('eth1 DOWN  ');
    expect(line).toContain('  7 events lost  ');
  });

  it('shows no rate below zero, or without time', () => {
    // A worker that died takes its counts of the kernel with it.
    expect(toRates(BUSY, IDLE, 1)).toMatchObject({ bitsPerS: 0, packetsPerS: 0, shuntedShare: 0, handshakesPerS: 0 });
    expect(toRates(IDLE, BUSY, 0)).toMatchObject({ bitsPerS: 0, packetsPerS: 0 });
  });

  it('has its numbers for the log', () => {
    expect(toStatusFields(toRates(IDLE, BUSY, 2), BUSY)).toMatchObject({
      link: 'up',
      mbit_per_s: 2410,
      packets_per_s: 271_034,
      shunted_share: 0.963,
      received: 542_068,
      ring_dropped: 12,
      shunted: 500_001,
      handshakes: 284,
    });
  });
});

describe('the watch over drops', () => {
  it('tells when they begin and when they have ended, and nothing between', () => {
    const watch = new LiveWatch();
    const seen = [0, 0, 5, 9, 9, 11, ...Array.from({ length: 12 }, () => 11)];
    const told = seen.flatMap((n, second) =>
      watch.look(dropping(n), second * 1000).map(({ level, event, fields }) => ({ second, level, event, ...fields })),
    );
    expect(told).toEqual([
      { second: 2, level: 'warn', event: 'ring_drops', state: 'begun', dropped: 5 },
      { second: 15, level: 'info', event: 'ring_drops', state: 'ended', dropped: 11, lasted_s: 3 },
    ]);
  });

  it('tells them again when they begin again', () => {
    const watch = new LiveWatch();
    const seconds = [0, 1, ...Array.from({ length: 11 }, () => 1), 3];
    const told = seconds.flatMap((n, second) =>
      watch.look(dropping(n), second * 1000).map(({ fields }) => fields['state']),
    );
    expect(told).toEqual(['begun', 'ended', 'begun']);
  });

  it('looks at events and at the table of connections as well', () => {
    const watch = new LiveWatch();
    const handover = { ...IDLE.handover, dropped: { overflow: 2, worker_died: 1 } };
    const pipeline = { ...IDLE.pipeline, flows: { ...IDLE.pipeline.flows, evicted: 4 } };
    const notices = watch.look(countsWith({ handover, pipeline }), 0);
    expect(notices.map(({ event, fields }) => [event, fields['dropped']])).toEqual([
      ['event_drops', 3],
      ['flow_evictions', 4],
    ]);
  });
});
