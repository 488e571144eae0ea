import { describe, expect, it } from 'vitest';
import { faultsOf, liveTable, type Measured, missedLiveTargets } from '../../bench/live-report.ts';
import type { LiveRun } from '../../bench/live-run.ts';
import { TCPREPLAY } from '../../bench/live-senders.ts';
import { usageOf, waitForRest } from '../../bench/process-tree.ts';

const WORKLOAD = { name: 'bulk', path: 'bulk.pcap', handshakes: 384, chains: 380 } as const;

interface Changes extends Partial<Omit<LiveRun, 'report'>> {
  readonly report?: Partial<LiveRun['report']>;
}

function sensorRun({ report, ...changes }: Changes = {}): LiveRun {
  const sensor = {
    receivedBytes: 1e6,
    shuntedBytes: 970_000,
    shunted: 900,
    walked: 100,
    workerCpuS: 0.5,
    isExact: true,
  };
  return {
    sent: { frames: 1000, bytes: 1e6, refused: 0, seconds: 0.01 },
    arrived: 1000,
    report: { received: 1000, dropped: 0, handshakes: 384, chains: 380, sensor, ...report },
    cpuS: 0.6,
    peakRssMb: 150,
    ownRssMb: 60,
    isAtRest: true,
    ...changes,
  };
}

const TCPDUMP_RUN = sensorRun({ cpuS: 0.3, report: { handshakes: null, chains: null, sensor: null } });

function measured(run: LiveRun, name = 'spanglass'): Measured {
  return { workload: WORKLOAD, sender: { name: 'tcpreplay' }, listener: { name }, runs: [run] };
}

describe('a run of live capture', () => {
  it('is faultless where everything arrived, was found, and adds up', () => {
    expect(faultsOf(measured(sensorRun()))).toEqual([]);
    expect(faultsOf(measured(TCPDUMP_RUN, 'tcpdump'))).toEqual([]);
  });

  it.each([
    ['lost a handshake though nothing was dropped', { report: { handshakes: 383 } }, '383 handshakes of 384'],
    ['lost certificates', { report: { chains: 1 } }, 'certificates of 1 handshakes of 380'],
    ['counted other packets than arrived', { report: { received: 999 } }, 'it counted 999 of 1000 packets'],
    ['was not sent everything', { arrived: 998, report: { received: 998 } }, '998 of 1000 packets arrived'],
  ] as const)('has a fault where it %s', (_, changes, fault) => {
    const faults = faultsOf(measured(sensorRun(changes)));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  it('may miss handshakes where packets were dropped, which is a missed target and no fault', () => {
    const each = measured(sensorRun({ report: { dropped: 5, handshakes: 300, chains: 290 } }));
    expect(faultsOf(each)).toEqual([]);
    expect(missedLiveTargets([each])).toEqual(['missed: bulk, tcpreplay: 5 packets were dropped']);
  });

  it('misses the target of CPU time by tcpdump in the same rounds', () => {
    const all = [measured(sensorRun()), measured(TCPDUMP_RUN, 'tcpdump')];
    expect(missedLiveTargets(all)).toEqual(["missed: bulk, tcpreplay: CPU time is 2.00 of tcpdump's, not 1"]);
    expect(missedLiveTargets([measured(sensorRun({ cpuS: 0.29 })), all[1]!])).toEqual([]);
  });

  it('has a row in the table, with the rate at which its worker would be full', () => {
    const [head, , row] = liveTable([measured(sensorRun()), measured(TCPDUMP_RUN, 'tcpdump')]).split('\n');
    expect(head).toContain('full at kpps');
    // 1000 packets in 0.5 s of CPU.
    expect(row!.split(/\s+/).slice(-5)).toEqual(['97.0', '384', '2', '150', '60']);
  });
});

describe('tcpreplay', () => {
  it('says what it sent', () => {
    const report = `Actual: 857472 packets (864146304 bytes) sent in 4.28 seconds
Rated: 201703005.7 Bps, 1613.62 Mbps, 200145.13 pps
\tFailed packets:            3`;
    expect(TCPREPLAY.readReport(report)).toEqual({ frames: 857_472, bytes: 864_146_304, seconds: 4.28, refused: 3 });
    expect(() => TCPREPLAY.readReport('no')).toThrow('no number of packets');
  });
});

describe.skipIf(process.platform !== 'linux')('the usage of a process (skipped where it is not Linux)', () => {
  it('is that of this one', async () => {
    const before = usageOf(process.pid).cpuS;
    for (const endMs = Date.now() + 200; Date.now() < endMs; );
    const after = usageOf(process.pid);
    expect(after.cpuS).toBeGreaterThan(before);
    expect(after.peakRssMb).toBeGreaterThan(after.ownRssMb);
    expect(after.descriptors).toBeGreaterThan(3);
    expect(await waitForRest(process.pid, 200, 10_000)).toMatchObject({ isRest: true });
  });
});
