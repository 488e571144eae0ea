import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CertificateField, EventField } from '../../src/event/generated/fields.ts';
import { anyFacts } from './arbitrary-facts.ts';
import { decodedOf, eventOf, lineOf, type ParsedEvent } from './built-events.ts';

describe('any facts', () => {
  const fieldNames = new Set(Object.keys(EventField));
  const certificateNames = new Set(Object.keys(CertificateField));

  it('become one line of JSON with each key once, every key in the schema, and nothing empty', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const line = lineOf(facts);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        const event: ParsedEvent = JSON.parse(line).event;
        // Keys given twice vanish in an object: compare with the text it came from.
        expect(JSON.stringify(event)).toBe(line.slice(line.indexOf('"event":') + 8, -2));
        expect(Object.keys(event).filter((key) => !fieldNames.has(key))).toEqual([]);
        expect(Object.values(event).flatMap((value) => findFlaws(value, certificateNames))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('are in protobuf what they are in JSON, field by field', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        expect(decodedOf(facts)).toEqual(eventOf(facts));
      }),
      { numRuns: 300 },
    );
  });
});

/** Empty values anywhere within, and names within messages that the schema does not have. */
function findFlaws(value: unknown, names: ReadonlySet<string>): unknown[] {
  if (value === '' || value === null) return [value];
  if (typeof value !== 'object') return [];
  const entries = Object.entries(value);
  const unknown = Array.isArray(value) ? [] : entries.map(([key]) => key).filter((key) => !names.has(key));
  return [
    ...(entries.length === 0 ? [value] : []),
    ...unknown,
    ...entries.flatMap(([, inner]) => findFlaws(inner, names)),
  ];
}
