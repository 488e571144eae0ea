/**
 * A reader of pcap and pcapng that knows only what the corpus needs: the decoder's tests must not depend on the capture room.
 * Times are whole seconds; compressed files are not read.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface TinyPacket {
  readonly linkType: number;
  readonly at: number;
  readonly end: number;
  readonly wireLen: number;
  readonly sec: number;
}

export interface TinyCapture {
  readonly buf: Uint8Array;
  readonly packets: readonly TinyPacket[];
}

export const CORPUS = fileURLToPath(new URL('../../../shared/corpus/pcaps/', import.meta.url));
export const CORPUS_MISSING = existsSync(CORPUS) ? '' : ' (skipped: no ../shared/corpus here)';

/** Paths relative to the corpus, sorted. */
export function corpusFiles(): string[] {
  if (CORPUS_MISSING !== '') return [];
  return readdirSync(CORPUS, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(pcap|pcapng|cap)$/.test(path))
    .toSorted();
}

export function readTinyCapture(path: string): TinyCapture {
  const buf = readFileSync(path);
  const view = new DataView(buf.buffer, buf.byteOffset, buf.length);
  const packets = buf.length >= 4 && view.getUint32(0) === 0x0a0d0d0a ? readPcapng(view) : readPcap(view);
  return { buf, packets };
}

function readPcap(view: DataView): TinyPacket[] {
  const packets: TinyPacket[] = [];
  const isLittle = [0xa1b2c3d4, 0xa1b23c4d].includes(view.getUint32(0, true));
  const linkType = view.getUint32(20, isLittle) & 0xffff;
  for (let at = 24; at + 16 <= view.byteLength; ) {
    const end = at + 16 + view.getUint32(at + 8, isLittle);
    if (end > view.byteLength) break;
    const wireLen = view.getUint32(at + 12, isLittle);
    packets.push({ linkType, at: at + 16, end, wireLen, sec: view.getUint32(at, isLittle) | 0 });
    at = end;
  }
  return packets;
}

function readPcapng(view: DataView): TinyPacket[] {
  const packets: TinyPacket[] = [];
  const linkTypes: number[] = [];
  let isLittle = true;
  for (let at = 0; at + 12 <= view.byteLength; ) {
    if (view.getUint32(at) === 0x0a0d0d0a) {
      isLittle = view.getUint32(at + 8, true) === 0x1a2b3c4d;
      linkTypes.length = 0;
    }
    const type = view.getUint32(at, isLittle);
    const blockLen = view.getUint32(at + 4, isLittle);
    if (blockLen < 12 || at + blockLen > view.byteLength) break;
    if (type === 1) linkTypes.push(view.getUint16(at + 8, isLittle));
    if (type === 6) {
      const linkType = linkTypes[view.getUint32(at + 8, isLittle)] ?? -1;
      // Microseconds, as in every file of the corpus whose fragments matter.
      const us = view.getUint32(at + 12, isLittle) * 2 ** 32 + view.getUint32(at + 16, isLittle);
      const capLen = view.getUint32(at + 20, isLittle);
      const wireLen = view.getUint32(at + 24, isLittle);
      packets.push({ linkType, at: at + 28, end: at + 28 + capLen, wireLen, sec: Math.floor(us / 1e6) | 0 });
    }
    if (type === 3) {
      const wireLen = view.getUint32(at + 8, isLittle);
      const capLen = Math.min(wireLen, blockLen - 16);
      packets.push({ linkType: linkTypes[0] ?? -1, at: at + 12, end: at + 12 + capLen, wireLen, sec: 0 });
    }
    at += blockLen;
  }
  return packets;
}
