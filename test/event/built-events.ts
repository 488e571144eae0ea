/** Events as their readers get them. */
import { EventBuilder } from '../../src/event/build-event.ts';
import { encodeEvent } from '../../src/event/encode-event.ts';
import type { EventFacts } from '../../src/event/event-facts.ts';
import { decodeEvent } from '../../src/event/generated/event-message.ts';
import type { EventField } from '../../src/event/generated/fields.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { PROFILES } from '../../src/event/profile.ts';
import { IDENTITY } from './sample-facts.ts';

/** An event as JSON gives it back. */
export type ParsedEvent = Partial<Record<keyof typeof EventField, unknown>>;

export const builder = new EventBuilder(IDENTITY, PROFILES['stream:ssl']);

export function lineOf(facts: EventFacts, from = builder): string {
  const w = new JsonWriter();
  from.writeJson(facts, w);
  return Buffer.from(w.view()).toString('utf8');
}

export function eventOf(facts: EventFacts, from = builder): ParsedEvent {
  return JSON.parse(lineOf(facts, from)).event;
}

/** The event that protobuf holds, in the form of JSON: no empty lists, 1 and 0, and no `time_us`. */
export function decodedOf(facts: EventFacts, from = builder): Record<string, unknown> {
  return toJsonForm(decodeEvent(encodeEvent(from, facts)));
}

/** A decoded message in that form. */
export function toJsonForm(message: object): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(message)) {
    if (key === 'time_us' || (Array.isArray(value) && value.length === 0)) continue;
    if (typeof value === 'boolean') out[key] = value ? 1 : 0;
    else if (Array.isArray(value)) out[key] = value.map((item) => (typeof item === 'object' ? toJsonForm(item) : item));
    else out[key] = value;
  }
  return out;
}
