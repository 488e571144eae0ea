/** The end of a replay or a capture in words. The same for a terminal and for a pipe: no escapes. */
import { toHints } from './hints.ts';
import { toBitRateText, toBytesText, toCountOf, toCountText, toDurationText } from './quantity-text.ts';
import type { RunStats } from './run-stats.ts';

const LABEL_LEN = 14;
const INDENT = ' '.repeat(LABEL_LEN + 2);
const LEVELS: readonly string[] = ['High', 'Medium', 'Low', 'None'];

export interface WrittenFile {
  readonly name: string;
  readonly events: number;
}

/** `watched` is the interface of a capture. */
export function toSummary(stats: RunStats, written: readonly WrittenFile[], watched: string | null = null): string {
  const lines = [
    watched === null ? headline(stats) : `${watched} watched for ${toDurationText(stats.timing.elapsed_s)}`,
    ...kernelLines(stats),
    ...packetLines(stats),
    ...flowLines(stats),
    ...handshakeLines(stats),
    ...eventLines(stats, written),
    ...deliveryLines(stats),
    row('speed', speedText(stats)),
    ...toHints(stats, watched).map((hint) => `note: ${hint}`),
  ];
  return `${lines.join('\n')}\n`;
}

function headline({ captures, interrupted }: RunStats): string {
  const parts = [`${toCountOf(captures.read, 'capture')} read`];
  if (interrupted && captures.read < captures.found)
    parts[0] = `${captures.read} of ${toCountOf(captures.found, 'capture')} read`;
  if (captures.damaged > 0) parts.push(`${captures.damaged} damaged`);
  if (captures.failed > 0) parts.push(`${captures.failed} failed`);
  if (captures.other_files > 0) parts.push(`${toCountOf(captures.other_files, 'other file')} left alone`);
  return `${interrupted ? 'Interrupted: ' : ''}${parts.join(', ')}`;
}

function* kernelLines({ kernel }: RunStats): Generator<string> {
  if (kernel === undefined) return;
  const { received, ring_dropped: dropped, shunted, shunted_by_reason: byReason, walked, waiting } = kernel;
  const parts = [
    `${toCountText(walked)} read`,
    `${toCountText(shunted)} shunted`,
    `${toCountText(dropped)} dropped by the ring`,
  ];
  if (waiting > 0) parts.push(`${toCountText(waiting)} left in it`);
  yield row('received', `${toCountText(received)} = ${parts.join(' + ')}`);
  if (shunted === 0) return;
  const counts = Object.entries(byReason).map(([reason, { packets }]): [string, number] => [reason, packets]);
  yield `${INDENT}shunted: ${listOf(Object.fromEntries(counts))}`;
}

function* packetLines({ packets }: RunStats): Generator<string> {
  const { received, decoded, dropped, tcp, udp } = packets;
  yield row('packets', `${toCountText(received)} = ${toCountText(decoded)} decoded + ${toCountText(dropped)} dropped`);
  if (dropped > 0) yield `${INDENT}dropped: ${listOf(packets.drops)}`;
  yield `${INDENT}decoded: tcp ${toCountText(tcp)}, udp ${toCountText(udp)}${udp > 0 ? ' (not looked into)' : ''}`;
}

function* flowLines({ flows }: RunStats): Generator<string> {
  const { total, closed, reset, reused, idle, evicted, never_spoke, open_at_end } = flows;
  const ends = { closed, reset, reused, idle, evicted, 'never spoke': never_spoke, 'open at the end': open_at_end };
  yield row('flows', `${toCountText(total)}${total > 0 ? `: ${listOf(ends)}` : ''}`);
  if (flows.not_tls > 0) yield `${INDENT}not TLS: ${toCountText(flows.not_tls)}`;
}

function* handshakeLines({ handshakes, certificates }: RunStats): Generator<string> {
  yield row('handshakes', toCountText(handshakes.total));
  if (handshakes.total > 0) {
    yield `${INDENT}version: ${listOf(handshakes.by_version)}`;
    yield `${INDENT}certificate: ${listOf(handshakes.by_visibility)}`;
  }
  if (Object.keys(handshakes.faults).length > 0) yield `${INDENT}faults: ${listOf(handshakes.faults)}`;
  yield row('certificates', `${toCountText(certificates.seen)} seen, ${toCountText(certificates.distinct)} distinct`);
}

function* eventLines({ events, handshakes }: RunStats, written: readonly WrittenFile[]): Generator<string> {
  const byLevel = LEVELS.filter((level) => (events.findings_by_level[level] ?? 0) > 0)
    .map((level) => `${level} ${toCountText(events.findings_by_level[level]!)}`)
    .join(', ');
  yield row('findings', `${toCountText(events.findings)}${byLevel === '' ? '' : `: ${byLevel}`}`);
  for (const file of written) yield row('written', `${toCountOf(file.events, 'event')} to ${file.name}`);
  if (events.kept === handshakes.total) return;
  const { kept, filtered, below_min_risk } = events;
  yield row(
    'events',
    `${toCountText(handshakes.total)} = ${toCountText(kept)} kept + ${toCountText(filtered)} filtered out + ${toCountText(below_min_risk)} below the least risk`,
  );
}

function* deliveryLines({ delivery, handover }: RunStats): Generator<string> {
  if (handover !== undefined && handover.dropped > 0)
    yield row('lost', `${toCountOf(handover.dropped, 'event')} on the way from the workers: ${listOf(handover.drops)}`);
  if (delivery === undefined) return;
  // Files that have everything were named.
  if (delivery.acknowledged === delivery.emitted && Object.keys(delivery.requests).length === 0) return;
  const { emitted, acknowledged, has_acks: hasAcks, queued, dropped, drops, possible_duplicates: twice } = delivery;
  const word = delivery.spool === undefined ? 'written' : hasAcks ? 'acknowledged' : 'accepted';
  const parts = [
    `${toCountText(acknowledged)} ${word}`,
    ...(delivery.spool === undefined ? [] : [`${toCountText(queued)} in the spool`]),
    `${toCountText(dropped)} dropped`,
  ];
  yield row('delivered', `${toCountOf(emitted, 'event')} = ${parts.join(' + ')}`);
  if (dropped > 0) yield `${INDENT}dropped: ${listOf(drops)}`;
  if (twice > 0) yield `${INDENT}sent twice, maybe: ${toCountOf(twice, 'event')}`;
}

function speedText({ packets, captures, timing, kernel }: RunStats): string {
  if (kernel !== undefined) {
    const seconds = Math.max(timing.elapsed_s, 1e-6);
    const rate = `${toBitRateText((kernel.received_bytes * 8) / seconds)}, ${toCountOf(kernel.received / seconds, 'packet')}/s`;
    return `${toBytesText(kernel.received_bytes)} of packets: ${rate}`;
  }
  const bytes = `${toBytesText(packets.bytes)} of packets (${toBytesText(captures.file_bytes)} of files)`;
  return `${bytes} in ${toDurationText(timing.elapsed_s)}: ${toBytesText(timing.bytes_per_s)}/s, ${toCountOf(timing.packets_per_s, 'packet')}/s`;
}

/** Largest first, zeros left out. */
function listOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, n]) => n > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${toCountText(n)}`)
    .join(', ');
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_LEN)}${text}`;
}
