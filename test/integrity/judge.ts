/**
 * Compares what the server received with what was emitted. Three witnesses, none of which has to be believed alone:
 *
 *     the file of confirmed commits (sender program)   every event in it was received, or is journalled as dropped
 *     the spool's account (last report)                distinct received + dropped = emitted; emitted = acknowledged + queued + dropped
 *     the accounting search (what the server has)      missing = 0 in every run that dropped nothing
 */
import type { EventLedger } from '../support/hec/event-ledger.ts';
import type { DroppedRange, SenderReport } from './sender-plan.ts';

/** Missing events are named up to here. */
const MAX_NAMED = 5;

export interface Judgement {
  readonly complaints: readonly string[];
  readonly received: number;
  readonly duplicates: number;
  readonly missing: number;
}

export interface Evidence {
  readonly ledger: EventLedger;
  readonly commits: ReadonlyMap<string, number>;
  readonly report: SenderReport;
  /** A sender that is killed may have delivered a batch that it then dropped: then events are both. */
  readonly wasKilled: boolean;
}

export function judge({ ledger, commits, report, wasKilled }: Evidence): Judgement {
  const complaints: string[] = [];
  const { counters, drops } = report;
  const dropped = Object.values(counters.dropped).reduce((sum, events) => sum + events, 0);

  if (commits.size === 0 || ledger.indexed === 0)
    complaints.push('nothing was emitted, or nothing received: this tested nothing');
  for (const [bootId, lastSeq] of commits) {
    const lost: number[] = [];
    for (let seq = 0; seq <= lastSeq; seq++) {
      if (ledger.timesOf(bootId, seq) === 0 && !isDropped(drops, bootId, seq)) lost.push(seq);
    }
    if (lost.length > 0)
      complaints.push(
        `${lost.length} committed events of ${bootId} were not received: seq ${lost.slice(0, MAX_NAMED).join(', ')} …`,
      );
  }

  if (counters.queued !== 0) complaints.push(`${counters.queued} events are still queued`);
  if (counters.emitted !== counters.acknowledged + counters.queued + dropped)
    complaints.push(`the account has no balance: ${JSON.stringify(counters)}`);
  const accounted = ledger.distinct + dropped;
  if (wasKilled ? accounted < counters.emitted : accounted !== counters.emitted) {
    complaints.push(
      `${ledger.distinct} distinct events received and ${dropped} dropped, but ${counters.emitted} emitted`,
    );
  }
  if (ledger.distinct > counters.emitted)
    complaints.push(`more events were received (${ledger.distinct}) than emitted (${counters.emitted})`);

  const rows = ledger.runAccountingSearch();
  for (const { bootId, firstSeq, missing } of rows) {
    const gone = drops.filter((one) => one.bootId === bootId).reduce((sum, one) => sum + one.events, 0);
    if (gone === 0 && (missing > 0 || (commits.has(bootId) && firstSeq !== 0)))
      complaints.push(`the search says of ${bootId}: missing=${missing}, first seq ${firstSeq}`);
    if (missing > gone) complaints.push(`the search says of ${bootId}: missing=${missing}, with ${gone} dropped`);
  }
  if (ledger.conflicts > 0) complaints.push(`${ledger.conflicts} duplicates can't be removed by event_id`);
  if (ledger.unnumbered > 0) complaints.push(`${ledger.unnumbered} events came without their numbers`);
  return {
    complaints,
    received: ledger.distinct,
    duplicates: rows.reduce((sum, row) => sum + row.duplicates, 0),
    missing: rows.reduce((sum, row) => sum + row.missing, 0),
  };
}

function isDropped(drops: readonly DroppedRange[], bootId: string, seq: number): boolean {
  return drops.some((one) => one.bootId === bootId && seq >= one.firstSeq && seq <= one.lastSeq);
}
