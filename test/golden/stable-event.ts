/**
 * What of an event is the same whenever `tools/make-pcap` makes the captures anew: all but keys and what follows from them (hashes,
 * serial numbers, signatures and their sizes), and the distances in time. Such a value is replaced by a mark, so that the field still
 * has to be there.
 */
import type { ParsedEvent } from '../event/built-events.ts';

const VARIES = '(varies)';

const VARYING_FIELDS: ReadonlySet<string> = new Set([
  // The run, and which of two connections at a time ends first.
  'seq',
  'boot_id',
  'event_id',
  'flow_id',
  'capture_file',
  // Time.
  'timestamp',
  'endtime',
  'ssl_time',
  'server_rtt',
  'initial_rtt',
  // Sizes, by a byte or two; and where a chunk of the loopback ended.
  'bytes_in',
  'bytes_out',
  'packets_in',
  'packets_out',
  'ssl_server_flight_bytes',
  'ssl_ocsp_staple_bytes',
  // Randoms, keys, and what is made of them.
  'ssl_session_id',
  'ssl_serial',
  'ssl_serialnumber',
  'ssl_hash',
  'ssl_cert_md5',
  'ssl_cert_sha1',
  'ssl_cert_sha256',
  'ssl_cert_spki_sha256',
  'ssl_cert_subject_key_id',
  'ssl_cert_authority_key_id',
  'ssl_client_serial',
  'ssl_client_serialnumber',
  'ssl_client_cert_md5',
  'ssl_client_cert_sha1',
  'ssl_client_cert_sha256',
  'ssl_client_cert_spki_sha256',
]);

/** Of an entry of a chain. */
const VARYING_IN_CHAIN: ReadonlySet<string> = new Set(['serial', 'sha1', 'sha256']);

/** The packets with the OCSP response have the time of the run, since the response has it; so the age of the certificate varies. */
const VARYING_WITH_STAPLE: ReadonlySet<string> = new Set(['cert_age_days', 'ssl_is_valid']);

/** What lies behind a hole waits, and the client's alert at the end comes before it or not at all. */
const VARYING_WITH_HOLE: ReadonlySet<string> = new Set(['ssl_history']);

/** The events of one capture, in the order of their clients. */
export function toStable(events: readonly ParsedEvent[]): Record<string, unknown>[] {
  return events.toSorted((a, b) => compareClients(a, b)).map(toStableEvent);
}

function compareClients(a: ParsedEvent, b: ParsedEvent): number {
  const [x, y] = [a, b].map((event) => `${String(event.src_ip)} ${String(event.src_port).padStart(5, '0')}`);
  return x! < y! ? -1 : 1;
}

function toStableEvent(event: ParsedEvent): Record<string, unknown> {
  const hasStaple = 'ssl_ocsp_staple_bytes' in event;
  const hasHole = event.cert_visibility === 'lost';
  const varies = (field: string): boolean =>
    VARYING_FIELDS.has(field) ||
    (hasStaple && VARYING_WITH_STAPLE.has(field)) ||
    (hasHole && VARYING_WITH_HOLE.has(field));
  return replaceValues(event, varies);
}

function replaceValues(event: object, varies: (field: string) => boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(event).map(([field, value]) => [field, varies(field) ? VARIES : replaceInChain(value)]),
  );
}

function replaceInChain(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((item: unknown) =>
    typeof item === 'object' && item !== null ? replaceValues(item, (field) => VARYING_IN_CHAIN.has(field)) : item,
  );
}
