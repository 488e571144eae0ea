/** What every event has to be, in both forms, whatever it was made of. */
import { EventBuilder } from '../../src/event/build-event.ts';
import { encodeEvent } from '../../src/event/encode-event.ts';
import type { EventFacts } from '../../src/event/event-facts.ts';
import { decodeEvent } from '../../src/event/generated/event-message.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { PROFILES } from '../../src/event/profile.ts';
import { promise } from './fuzz-target.ts';

const IDENTITY = { sensor: 'fuzz', bootId: '00000000-0000-4000-8000-000000000000' };
const ENVELOPE_KEYS = new Set(['time', 'host', 'source', 'sourcetype', 'index', 'event']);
const MAX_EVENT_BYTES = 4 * 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Writes events and looks at each. One for many inputs, as in the sensor: its tables have to stay bounded. */
export class EventChecker {
  readonly #builder = new EventBuilder(IDENTITY, PROFILES['stream:ssl']);
  readonly #json = new JsonWriter();

  /** The line, valid until the next. */
  check(facts: EventFacts): Uint8Array {
    this.#json.reset();
    this.#builder.writeJson(facts, this.#json);
    const line = this.#json.view();
    checkLine(line);
    const encoded = encodeEvent(this.#builder, facts);
    const decoded = decodeEvent(encoded);
    promise(decoded.sensor === IDENTITY.sensor, 'the protobuf event lost its sensor');
    return line;
  }
}

function checkLine(line: Uint8Array): void {
  promise(line.length > 2 && line.length < MAX_EVENT_BYTES, 'an event of an absurd size');
  promise(line.indexOf(0x0a) === line.length - 1, 'an event that is not one line');
  for (let i = 0; i < line.length - 1; i++) promise(line[i]! >= 0x20, 'a control character in an event');
  const envelope: unknown = JSON.parse(utf8.decode(line));
  promise(typeof envelope === 'object' && envelope !== null && 'event' in envelope, 'an event without an envelope');
  for (const key of Object.keys(envelope)) promise(ENVELOPE_KEYS.has(key), `a key that Splunk does not know: ${key}`);
  promise('time' in envelope && typeof envelope.time === 'number' && envelope.time >= 0, 'a time that is none');
}
