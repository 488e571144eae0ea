import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventBuilder } from '../../src/event/build-event.ts';
import { encodeEvent } from '../../src/event/encode-event.ts';
import { decodeEvent } from '../../src/event/generated/event-message.ts';
import { PROFILES } from '../../src/event/profile.ts';
import { toEventMessage } from '../../src/output/event-message-from-json.ts';
import { anyFacts } from '../event/arbitrary-facts.ts';
import { lineOf } from '../event/built-events.ts';
import { IDENTITY } from '../event/sample-facts.ts';

describe('an event made of its JSON', () => {
  it.each(Object.keys(PROFILES))('is the message that it would have been: %s', (name) => {
    const profile = Object.entries(PROFILES).find(([key]) => key === name)![1];
    fc.assert(
      fc.property(anyFacts, (facts) => {
        // Two builders: each counts its own events.
        const fromJson = toEventMessage(lineOf(facts, new EventBuilder(IDENTITY, profile)));
        const direct = encodeEvent(new EventBuilder(IDENTITY, profile), facts);
        expect(decodeEvent(fromJson!)).toEqual(decodeEvent(direct));
      }),
    );
  });

  it('leaves out what the schema does not have', () => {
    const message = toEventMessage('{"time":1.000001,"event":{"sensor":"a","no_field_of_ours":1}}\n');
    expect({ ...decodeEvent(message!) }).toMatchObject({ sensor: 'a', time_us: 1_000_001 });
  });

  it('is none where the line is no event', () => {
    for (const line of ['', '[]', '{"event":', '{"event":3}', 'null']) expect(toEventMessage(line)).toBeNull();
  });

  it('throws at no line', () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ event: fc.jsonValue() }).map((one) => JSON.stringify(one)),
    );
    fc.assert(fc.property(line, (text) => void toEventMessage(text)));
  });
});
