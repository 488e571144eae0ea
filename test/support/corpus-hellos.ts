/**
 * The first ClientHello and ServerHello of every TCP stream in a capture that begins with a TLS record, found in the plainest way:
 * IPv4 over Ethernet, segments sorted by sequence number, reading until the first gap. For tests of parsers, which must not
 * depend on the rooms that do this properly.
 */

import { CORPUS, readTinyCapture } from './tiny-capture.ts';

export interface FoundHello {
  /** `src:port>dest:port`. */
  readonly stream: string;
  readonly type: number;
  /** The message without its header. */
  readonly body: Uint8Array;
}

interface Segment {
  readonly seq: number;
  readonly payload: Uint8Array;
}

const ETHERNET = 1;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;

/** `path` is relative to the corpus. */
export function findHellos(path: string): readonly FoundHello[] {
  const { buf, packets } = readTinyCapture(CORPUS + path);
  const streams = new Map<string, Segment[]>();
  for (const { linkType, at, end } of packets) {
    if (linkType === ETHERNET) addSegment(streams, buf.subarray(at, end));
  }
  const hellos: FoundHello[] = [];
  for (const [stream, segments] of streams) {
    const message = readFirstMessage(reassemble(segments));
    const type = message?.[0];
    if (message !== null && (type === CLIENT_HELLO || type === SERVER_HELLO)) {
      hellos.push({ stream, type, body: message.subarray(4) });
    }
  }
  return hellos;
}

function addSegment(streams: Map<string, Segment[]>, frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 54 || view.getUint16(12) !== 0x0800 || frame[23] !== 6) return;
  const ip = frame.subarray(14, 14 + view.getUint16(16));
  const tcpAt = (ip[0]! & 15) * 4;
  if (ip.length < tcpAt + 20) return;
  const tcp = new DataView(ip.buffer, ip.byteOffset + tcpAt, ip.length - tcpAt);
  const payload = ip.subarray(tcpAt + (tcp.getUint8(12) >> 4) * 4);
  if (payload.length === 0) return;
  const source = `${ip.subarray(12, 16).join('.')}:${tcp.getUint16(0)}`;
  const stream = `${source}>${ip.subarray(16, 20).join('.')}:${tcp.getUint16(2)}`;
  const segments = streams.get(stream) ?? [];
  if (segments.length === 0) streams.set(stream, segments);
  segments.push({ seq: tcp.getUint32(4), payload });
}

function reassemble(segments: readonly Segment[]): Uint8Array {
  const base = segments[0]!.seq;
  const sorted = segments
    .map(({ seq, payload }) => ({ at: (seq - base) | 0, payload }))
    .toSorted((a, b) => a.at - b.at);
  let next = sorted[0]!.at;
  const parts: Uint8Array[] = [];
  for (const { at, payload } of sorted) {
    if (at > next) break;
    const fresh = payload.subarray(next - at);
    parts.push(fresh);
    next += fresh.length;
  }
  return Buffer.concat(parts);
}

/** The first handshake message of a stream of records, with its header, or null if it is not whole. */
function readFirstMessage(stream: Uint8Array): Uint8Array | null {
  const parts: Uint8Array[] = [];
  for (let at = 0; at + 5 <= stream.length && stream[at] === 22 && stream[at + 1] === 3; ) {
    const len = (stream[at + 3]! << 8) | stream[at + 4]!;
    parts.push(stream.subarray(at + 5, at + 5 + len));
    at += 5 + len;
    const message = Buffer.concat(parts);
    if (message.length < 4) continue;
    const messageLen = 4 + message.readUIntBE(1, 3);
    if (message.length >= messageLen) return message.subarray(0, messageLen);
  }
  return null;
}
