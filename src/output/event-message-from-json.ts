/**
 * An event's JSON as the protobuf message that the same event would have been: what the spool holds is JSON, and a sink that wants
 * `spanglass.v1.Event` gets it made of that, off the hot path.
 *
 * Both forms have the same names and values, with three differences, each undone here: the envelope's `time` is `time_us`, a bool is 1
 * or 0, and a naming profile calls the leaf's subject and issuer otherwise. A field that the schema does not have is left out, as
 * those of the spool's own reports are.
 */
import protobuf from 'protobufjs/minimal.js';
import type { Field, FieldKind } from '../event/field.ts';
import { CertificateField, EventField } from '../event/generated/fields.ts';
import { PROFILES } from '../event/profile.ts';

type FieldTable = ReadonlyMap<string, Field<FieldKind>>;

const CERTIFICATE_FIELDS: FieldTable = new Map(Object.entries(CertificateField));
const EVENT_FIELDS: FieldTable = new Map(Object.entries(EventField));

/** Names under each sourcetype: a profile's names of subject and issuer mean those fields, whatever else they might be. */
const FIELDS_BY_SOURCETYPE: ReadonlyMap<string, FieldTable> = new Map(
  Object.values(PROFILES).map(({ sourcetype, subjectName, issuerName }) => [
    sourcetype,
    new Map([...EVENT_FIELDS, [subjectName, EventField.ssl_subject], [issuerName, EventField.ssl_issuer]]),
  ]),
);

/** `time` of an envelope: seconds, a point, six decimals. As a number it would be rounded. */
const TIME = /^\{"time":(\d+)\.(\d{6})/;

/** One line of the spool as an encoded Event, or null where it is no event. */
export function toEventMessage(line: string): Uint8Array | null {
  const envelope = parseObject(line);
  if (envelope === null || !isObject(envelope['event'])) return null;
  const out = protobuf.Writer.create();
  const time = TIME.exec(line);
  if (time !== null) out.uint32(EventField.time_us.tag).int64(Number(time[1]!) * 1_000_000 + Number(time[2]!));
  const fields = FIELDS_BY_SOURCETYPE.get(String(envelope['sourcetype'])) ?? EVENT_FIELDS;
  writeFields(out, envelope['event'], fields);
  return out.finish();
}

function writeFields(out: protobuf.Writer, object: Readonly<Record<string, unknown>>, fields: FieldTable): void {
  for (const [name, value] of Object.entries(object)) {
    const field = fields.get(name);
    if (field !== undefined) writeField(out, field, value);
  }
}

function writeField(out: protobuf.Writer, { kind, tag }: Field<FieldKind>, value: unknown): void {
  switch (kind) {
    case 'string':
      if (typeof value === 'string') out.uint32(tag).string(value);
      return;
    case 'bool':
      out.uint32(tag).bool(value === 1 || value === true);
      return;
    case 'uint32':
      if (typeof value === 'number') out.uint32(tag).uint32(value);
      return;
    case 'uint64':
      if (typeof value === 'number') out.uint32(tag).uint64(value);
      return;
    case 'int64':
      if (typeof value === 'number') out.uint32(tag).int64(value);
      return;
    case 'string[]':
      for (const item of listOf(value)) if (typeof item === 'string') out.uint32(tag).string(item);
      return;
    case 'uint32[]':
      out.uint32(tag).fork();
      for (const item of listOf(value)) if (typeof item === 'number') out.uint32(item);
      out.ldelim();
      return;
    case 'message[]':
      for (const item of listOf(value)) {
        if (!isObject(item)) continue;
        out.uint32(tag).fork();
        writeFields(out, item, CERTIFICATE_FIELDS);
        out.ldelim();
      }
      return;
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : null;
  } catch {
    // A damaged line is no event; its bytes were checked, so this is a line that nobody of ours wrote.
    return null;
  }
}
