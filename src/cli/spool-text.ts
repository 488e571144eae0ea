/** The state of a spool in words. */
import { escapeUnsafe } from '../bytes/text.ts';
import type { SpoolStatus } from '../output/spool/spool-status.ts';
import { toBytesText, toCountOf, toCountText, toDurationText } from './quantity-text.ts';
import { TextBlock } from './text-block.ts';

/** The newest drops; `--json` has them all. */
const MAX_DROPS_SHOWN = 10;

export function toSpoolText(status: SpoolStatus): string {
  const block = new TextBlock(`Spool ${escapeUnsafe(status.folder)}`)
    .line('in use', status.isOpen ? 'yes, by a running spanglass' : 'no')
    .line('size', `${toBytesText(status.liveBytes)} of events, ${toBytesText(status.fileBytes)} on disk`);
  for (const sink of status.sinks) addSink(block, sink);
  const drops = status.drops.slice(-MAX_DROPS_SHOWN).map(({ reason, events, bootId, firstSeq, lastSeq, lastMs }) => {
    const when = new Date(lastMs).toISOString();
    return `${when} ${reason}: ${toCountOf(events, 'event')} of boot_id ${escapeUnsafe(bootId)}, seq ${firstSeq} to ${lastSeq}`;
  });
  const older = status.drops.length - drops.length;
  if (older > 0) drops.unshift(`${toCountText(older)} older ones, see --json`);
  return block.list('drops', drops).toString();
}

function addSink(block: TextBlock, sink: SpoolStatus['sinks'][number]): void {
  const { name, emitted, acknowledged, queued, dropped, queuedBytes, queuedBatches, oldestAgeMs } = sink;
  const reasons = Object.entries(dropped).filter(([, events]) => events > 0);
  const lost = reasons.reduce((sum, [, events]) => sum + events, 0);
  block.line(
    escapeUnsafe(name),
    `${toCountOf(emitted, 'event')} = ${toCountText(acknowledged)} delivered + ${toCountText(queued)} queued + ${toCountText(lost)} dropped`,
  );
  if (lost > 0) block.line('', `dropped: ${reasons.map(([reason, n]) => `${reason} ${toCountText(n)}`).join(', ')}`);
  if (queued === 0) return;
  const batches = `${toCountText(queuedBatches)} ${queuedBatches === 1 ? 'batch' : 'batches'}`;
  block.line(
    '',
    `queued: ${batches}, ${toBytesText(queuedBytes)}, the oldest for ${toDurationText(oldestAgeMs / 1000)}`,
  );
}
