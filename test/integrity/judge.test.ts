import { describe, expect, it } from 'vitest';

import { EventLedger } from '../support/hec/event-ledger.ts';
import { type Evidence, judge } from './judge.ts';
import type { DroppedRange, SenderReport } from './sender-plan.ts';

const BOOT = '00000000-0000-4000-8000-000000000001';
const EVENTS = 100;

function evidence(seqs: readonly number[], drops: readonly DroppedRange[] = []): Evidence {
  const ledger = new EventLedger();
  for (const seq of seqs) ledger.record('s', BOOT, seq, `${BOOT}-${seq}`);
  const dropped = drops.reduce((sum, one) => sum + one.events, 0);
  const counters = {
    emitted: EVENTS,
    acknowledged: EVENTS - dropped,
    queued: 0,
    dropped: dropped === 0 ? {} : { spool_full: dropped },
  };
  const hec: SenderReport['hec'] = {
    eventsAcknowledged: EVENTS,
    eventsAccepted: 0,
    retries: 0,
    resends: 0,
    possibleDuplicates: 0,
    quarantined: 0,
    cuts: 0,
    channelsLost: 0,
    tokenSwitches: 0,
  };
  const report = { counters, drops, hec, peakRssMiB: 0 };
  return { ledger, commits: new Map([[BOOT, EVENTS - 1]]), report, wasKilled: false };
}

const all = Array.from({ length: EVENTS }, (_, seq) => seq);
const drop = (firstSeq: number, lastSeq: number): DroppedRange => ({
  bootId: BOOT,
  firstSeq,
  lastSeq,
  events: lastSeq - firstSeq + 1,
  reason: 'spool_full',
});

describe('the judge of the integrity harness', () => {
  it('has nothing to say where all was received, once or twice', () => {
    expect(judge(evidence(all)).complaints).toEqual([]);
    expect(judge(evidence([...all, 5, 6]))).toMatchObject({
      complaints: [],
      received: EVENTS,
      duplicates: 2,
      missing: 0,
    });
  });

  it.each([
    ['first', 0],
    ['middle', 50],
    ['last', 99],
  ])('misses the %s event', (_, gone) => {
    const { complaints } = judge(evidence(all.filter((seq) => seq !== gone)));
    expect(complaints[0]).toContain(`1 committed events of ${BOOT} were not received: seq ${gone}`);
  });

  it('accepts what was dropped and journalled, and nothing more', () => {
    const drops = [drop(10, 19)];
    expect(
      judge(
        evidence(
          all.filter((seq) => seq < 10 || seq > 19),
          drops,
        ),
      ).complaints,
    ).toEqual([]);
    expect(
      judge(
        evidence(
          all.filter((seq) => seq < 10 || seq > 20),
          drops,
        ),
      ).complaints,
    ).not.toEqual([]);
  });

  it('sees a journal that claims what was received, unless a kill explains it', () => {
    const wrong = evidence(all, [drop(10, 19)]);
    expect(judge(wrong).complaints).not.toEqual([]);
    expect(judge({ ...wrong, wasKilled: true }).complaints).toEqual([]);
  });

  it('sees a duplicate that event_id does not remove', () => {
    const twice = evidence(all);
    twice.ledger.record('s', BOOT, 7, 'another');
    expect(judge(twice).complaints).toEqual(["1 duplicates can't be removed by event_id"]);
  });

  it('sees an account without a balance, and events that still wait', () => {
    const waiting = evidence(all);
    const counters = { ...waiting.report.counters, queued: 3 };
    const { complaints } = judge({ ...waiting, report: { ...waiting.report, counters } });
    expect(complaints.join()).toContain('3 events are still queued');
    expect(complaints.join()).toContain('no balance');
  });

  it('does not take a run without events for a good one', () => {
    expect(judge({ ...evidence(all), commits: new Map() }).complaints).not.toEqual([]);
  });
});
