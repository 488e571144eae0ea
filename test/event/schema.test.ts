import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { CertificateField, EventField } from '../../src/event/generated/fields.ts';
import { PROFILES } from '../../src/event/profile.ts';
import { buildEventSchema, PROTO_PATH } from '../../tools/gen-event-schema.ts';

const proto = readFileSync(PROTO_PATH, 'utf8');
const files = await buildEventSchema(proto);

describe('the event schema', () => {
  it.each([...files.keys()])('%s is current', (path) => {
    expect(readFileSync(path, 'utf8') === files.get(path), `${path}: run tools/gen-event-schema.ts`).toBe(true);
  });

  it('gives every field a row in the document', () => {
    const document = files.get('docs/event-schema.md')!;
    for (const name of [...Object.keys(EventField), ...Object.keys(CertificateField)]) {
      expect(document).toContain(`| \`${name}\` |`);
    }
    expect(Object.keys(EventField).length).toBeGreaterThan(100);
  });

  it('has no name that a profile gives to something else', () => {
    const renamed = Object.values(PROFILES)
      .flatMap((profile): string[] => [profile.subjectName, profile.issuerName])
      .filter((name) => name !== 'ssl_subject' && name !== 'ssl_issuer');
    expect(renamed).toHaveLength(6);
    for (const name of renamed) expect(EventField).not.toHaveProperty(name);
  });

  it.each([
    ['a field without a comment', '  // Port of the client. [Stream, CIM]\n', '', /src_port: no comment/],
    ['a comment without an origin', 'Port of the client. [Stream, CIM]', 'Port of the client.', /src_port: no comment/],
    [
      'a type that no writer knows',
      'optional uint32 src_port',
      'optional float src_port',
      /src_port: no writer for float/,
    ],
  ])('refuses %s', async (_, from, to, message) => {
    expect(proto).toContain(from);
    await expect(buildEventSchema(proto.replace(from, to))).rejects.toThrow(message);
  });
});
