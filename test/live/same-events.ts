/** Events of a live capture held against those of a replay of the same packets. */
import type { LiveEvent } from './running-sensor.ts';

/** Of a run, and of the place where the packets came from. */
const OF_THE_RUN = new Set(['boot_id', 'seq', 'event_id', 'flow_id', 'capture_file', 'network_interface']);
/** Each socket reads the clock by itself when it is given a packet. */
const DATES = new Set(['timestamp', 'endtime']);
/** In microseconds. */
const DURATIONS = new Set(['ssl_time', 'client_rtt', 'server_rtt', 'initial_rtt']);
/** In seconds: a machine with other work may let one socket wait behind the other. */
const CLOCKS_DIFFER = 0.25;

/** What differs, as sentences; empty where both tell the same of the same connections. */
export function differences(live: readonly LiveEvent[], replayed: readonly LiveEvent[]): string[] {
  const [a, b] = [byConnection(live), byConnection(replayed)];
  const found: string[] = [];
  for (const [key, event] of b) {
    const other = a.get(key);
    if (other === undefined) found.push(`${key} is not in the live capture`);
    else found.push(...fieldsThatDiffer(other, event).map((what) => `${key} ${what}`));
  }
  for (const key of a.keys()) if (!b.has(key)) found.push(`${key} is not in the replay`);
  return found;
}

/** By its ends; the second connection between the same ones is another one. */
function byConnection(events: readonly LiveEvent[]): Map<string, LiveEvent> {
  const all = new Map<string, LiveEvent>();
  for (const event of events.toSorted((x, y) => String(x['timestamp']).localeCompare(String(y['timestamp'])))) {
    const ends = `${String(event['src_ip'])}:${String(event['src_port'])}>${String(event['dest_ip'])}`;
    let n = 1;
    while (all.has(`${ends} #${n}`)) n += 1;
    all.set(`${ends} #${n}`, event);
  }
  return all;
}

function fieldsThatDiffer(live: LiveEvent, replayed: LiveEvent): string[] {
  const names = new Set([...Object.keys(live), ...Object.keys(replayed)]);
  return [...names].flatMap((name) => {
    if (OF_THE_RUN.has(name)) return [];
    const [x, y] = [live[name], replayed[name]];
    if (Math.abs(secondsOf(name, x) - secondsOf(name, y)) < CLOCKS_DIFFER) return [];
    const [inLive, inReplay] = [JSON.stringify(x), JSON.stringify(y)];
    return inLive === inReplay ? [] : [`${name}: ${inLive} live, ${inReplay} replayed`];
  });
}

/** NaN of what is no time, which is near nothing. */
function secondsOf(name: string, value: unknown): number {
  if (DATES.has(name)) return Date.parse(String(value)) / 1000;
  return DURATIONS.has(name) ? Number(value) / 1e6 : Number.NaN;
}
