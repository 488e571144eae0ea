/** Captures through the whole program, and the events that it wrote. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { decodeEvent, type EventMessage } from '../../src/event/generated/event-message.ts';
import { runFake } from '../cli/fake-io.ts';
import type { ParsedEvent } from '../event/built-events.ts';
import type { HecEnvelope } from '../support/spl/run-search.ts';

export type Envelope = HecEnvelope & { readonly event: ParsedEvent };

export interface Replayed {
  readonly envelopes: readonly Envelope[];
  /** The same events from the protobuf output of the same run. */
  readonly messages: readonly EventMessage[];
}

/** Replays a capture or a folder. Damaged captures are read as far as they go. */
export async function replay(capture: string, ...options: readonly string[]): Promise<Replayed> {
  const folder = mkdtempSync(path.join(tmpdir(), 'spanglass-golden-'));
  try {
    const ndjson = path.join(folder, 'events.ndjson');
    const protobuf = path.join(folder, 'events.pb');
    const outputs = ['--ndjson', ndjson, '--protobuf', protobuf, '--quiet'];
    const { code, stderr } = await runFake(['replay', capture, ...outputs, '--sensor', 'golden', ...options]);
    if (code !== ExitCode.Ok && code !== ExitCode.CaptureFailed)
      throw new Error(`the replay ended with ${code}: ${stderr}`);
    return { envelopes: readEnvelopes(readFileSync(ndjson, 'utf8')), messages: readMessages(readFileSync(protobuf)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readEnvelopes(ndjson: string): Envelope[] {
  const lines = ndjson.split('\n');
  // The last line ends, too.
  if (lines.pop() !== '') throw new Error('the NDJSON ends within a line');
  return lines.map((line): Envelope => JSON.parse(line));
}

/** Messages, each behind its length as a varint. */
function readMessages(bytes: Uint8Array): EventMessage[] {
  const messages: EventMessage[] = [];
  let at = 0;
  while (at < bytes.length) {
    let length = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = bytes[at++]!;
      length |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80);
    messages.push(decodeEvent(bytes.subarray(at, at + length)));
    at += length;
  }
  return messages;
}
