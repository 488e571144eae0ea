/**
 * Where good inputs come from: the captures of this project (and of the corpus, where it is there), taken apart with the rooms
 * themselves. What the rooms can't read is no sample, which is no loss: seeds only have to be good, not complete.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { Cursor } from '../../src/bytes/cursor.ts';
import { Decoder } from '../../src/decode/decode-packet.ts';
import { Drop } from '../../src/decode/drop.ts';
import { Frame, IpProtocol } from '../../src/decode/frame.ts';
import { FlowEnd, type StreamHandler, Want } from '../../src/flow/stream-handler.ts';
import { TcpTracker } from '../../src/flow/tcp-tracker.ts';
import { decodeCertificateList } from '../../src/tls/certificate-list.ts';
import { MessageBuffers } from '../../src/tls/message-buffers.ts';
import { type RecordHandler, RecordReader } from '../../src/tls/record-reader.ts';
import { joinBytes } from '../../tools/make-pcap/packet-writer.ts';
import { type CapturedPacket, readCapture } from './captured-packets.ts';
import { PROJECT_ROOT } from './project-root.ts';

/** A larger file has more of the same, and would make most inputs slow. */
const MAX_FILE_BYTES = 65_536;
const MAX_PACKETS = 48;
const MAX_STREAM_BYTES = 24_576;

/** The bytes of one side in order, as a call of `StreamHandler` had them. */
export interface StreamPiece {
  readonly side: 0 | 1;
  readonly bytes: Uint8Array;
}

export interface Samples {
  readonly captures: readonly (readonly CapturedPacket[])[];
  /** Whole files, for what is done to them as files. */
  readonly files: readonly Uint8Array[];
  /** Connections, both sides' bytes as they came. */
  readonly connections: readonly (readonly StreamPiece[])[];
  /** Bodies of handshake messages by type. */
  readonly messages: ReadonlyMap<number, readonly Uint8Array[]>;
  readonly certificates: readonly Uint8Array[];
}

const OWN_CAPTURES = path.join(PROJECT_ROOT, 'pcaps');
const CORPUS = path.join(PROJECT_ROOT, '../shared/corpus/pcaps');

/** The samples of this project, with those of the corpus if it is wanted and there. */
export function readSamples(withCorpus: boolean): Samples {
  const paths = [...listFiles(OWN_CAPTURES), ...(withCorpus && existsSync(CORPUS) ? listFiles(CORPUS) : [])];
  const files = paths
    .filter((file) => statSync(file).size <= MAX_FILE_BYTES)
    .map((file) => new Uint8Array(readFileSync(file)));
  const captures = files.map((file) => readCapture(file, MAX_PACKETS)).filter((packets) => packets.length > 0);
  const connections = uniqueBy(captures.flatMap(readConnections), keyOfConnection);
  const messages = new Map<number, Uint8Array[]>();
  for (const connection of connections) readMessages(connection, messages);
  for (const [type, bodies] of messages) messages.set(type, uniqueBy(bodies, keyOfBytes));
  const certificates = uniqueBy((messages.get(11) ?? []).flatMap(readCertificates), keyOfBytes);
  return { captures, files, connections, messages, certificates };
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:pcap|pcapng|cap)$/.test(name))
    .toSorted()
    .map((name) => path.join(folder, name));
}

function readConnections(packets: readonly CapturedPacket[]): StreamPiece[][] {
  const done: StreamPiece[][] = [];
  const open = new Map<number, StreamPiece[]>();
  const handler: StreamHandler = {
    onBytes(slot, side, buf, at, end) {
      const pieces = open.get(slot) ?? [];
      open.set(slot, pieces);
      const length = pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
      if (length < MAX_STREAM_BYTES) pieces.push({ side, bytes: buf.slice(at, end) });
      return Want.More;
    },
    onGap: () => Want.More,
    onEnd(slot) {
      const pieces = open.get(slot);
      if (pieces !== undefined) done.push(pieces);
      open.delete(slot);
    },
  };
  const decoder = new Decoder();
  const tracker = new TcpTracker(handler, { seed: 0 });
  const frame = new Frame();
  for (const { linkType, bytes, wireLen, tsUs } of packets) {
    const drop = decoder.decode(linkType, bytes, 0, bytes.length, wireLen, (tsUs / 1e6) | 0, frame);
    if (drop !== Drop.Decoded || frame.protocol !== IpProtocol.Tcp) continue;
    tracker.advance(tsUs);
    tracker.packet(frame);
  }
  tracker.finish(FlowEnd.CaptureEnd);
  return done;
}

function readMessages(connection: readonly StreamPiece[], messages: Map<number, Uint8Array[]>): void {
  const buffers = new MessageBuffers();
  const readers: RecordReader[] = [];
  const handler: RecordHandler = {
    onMessage(_side, type, buf, at, end) {
      const bodies = messages.get(type) ?? [];
      messages.set(type, bodies);
      bodies.push(buf.slice(at, end));
    },
    onRecord(side, type) {
      // What follows a ChangeCipherSpec is encrypted.
      if (type === 20) readers[side]!.isEncrypted = true;
    },
    onLostMessage: () => undefined,
    onAlert: () => undefined,
    onBadRecord: () => undefined,
  };
  readers.push(new RecordReader(0, handler, buffers), new RecordReader(1, handler, buffers));
  for (const { side, bytes } of connection) readers[side]!.read(bytes, 0, bytes.length);
}

function readCertificates(body: Uint8Array): Uint8Array[] {
  const ranges: number[] = [];
  decodeCertificateList(new Cursor(body), false, ranges);
  const certificates: Uint8Array[] = [];
  for (let i = 0; i + 1 < ranges.length; i += 2) certificates.push(body.slice(ranges[i], ranges[i + 1]));
  return certificates;
}

function keyOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function keyOfConnection(connection: readonly StreamPiece[]): string {
  return keyOfBytes(joinBytes(...connection.map((piece) => piece.bytes)));
}

function uniqueBy<T>(list: readonly T[], keyOf: (value: T) => string): T[] {
  return [...new Map(list.map((value) => [keyOf(value), value])).values()];
}
