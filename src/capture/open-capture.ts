/**
 * Opens a capture from a file, a named pipe or standard input (`-`). What it is, is told by its content, never by its name.
 *
 * Once a capture is open, damage in it is a `CaptureFault` of the source; `CaptureError` is thrown only for what the
 * user has to cure: no such file, no permission, not a capture, a disk that fails.
 */

import { closeSync, createReadStream, fstatSync, open, type Stats } from 'node:fs';
import { promisify } from 'node:util';

import { escapeUnsafe } from '../bytes/text.ts';
import { FileBytes, PipeBytes } from './byte-stream.ts';
import { type ByteWindow, SlidingWindow } from './byte-window.ts';
import { CaptureError, toCaptureError } from './capture-error.ts';
import { describeBytes } from './file-kind.ts';
import { SNIFF_BYTES } from './limits.ts';
import { OfflineCapture } from './offline-capture.ts';
import type { PacketSource } from './packet-source.ts';
import { PCAP_HEADER_LEN, PcapWalker, parsePcapHeader, probePcap } from './pcap.ts';
import { PcapngWalker, probePcapng } from './pcapng.ts';
import { emptyCounters } from './record-walker.ts';

export const STDIN_NAME = '-';

const READABLE = 'spanglass reads pcap and pcapng, plain or compressed with gzip, zstd, lz4 or xz';

/** Opens the capture at `path`, or on standard input for `-`. */
export async function openCapture(path: string): Promise<PacketSource> {
  if (path === STDIN_NAME) {
    return openCaptureWindow(path, 0, new SlidingWindow(new PipeBytes('standard input', process.stdin)));
  }
  const shown = escapeUnsafe(path);
  const fd = await openFile(path);
  const stats = fstatSync(fd);
  if (stats.isDirectory()) {
    closeSync(fd);
    throw new CaptureError('is_folder', path, `${shown}: a folder, not a capture`);
  }
  const stream = stats.isFile() ? new FileBytes(shown, fd) : new PipeBytes(shown, createReadStream('', { fd }));
  return openCaptureWindow(path, sizeOf(stats), new SlidingWindow(stream));
}

/**
 * Opens the capture that begins at a window's `pos`, compressed or not. Owns the window, also when it throws. `sizeBytes` is
 * the size on disk, or 0.
 */
export async function openCaptureWindow(name: string, sizeBytes: number, raw: ByteWindow): Promise<PacketSource> {
  let window = raw;
  try {
    await raw.refill(SNIFF_BYTES);
    if (!isPlainCapture(raw)) {
      // Decompressors are loaded only for what may need one.
      const { decompress, probeCompression } = await import('./compressed.ts');
      const compression = probeCompression(raw.buf, raw.pos, raw.end);
      if (compression !== null) {
        window = decompress(escapeUnsafe(name), raw, compression);
        await window.refill(SNIFF_BYTES);
      }
    }
    return readHeader(name, sizeBytes, window);
  } catch (error) {
    await window.close();
    throw error;
  }
}

function isPlainCapture({ buf, pos, end }: ByteWindow): boolean {
  return probePcap(buf, pos, end) || probePcapng(buf, pos, end);
}

function readHeader(name: string, sizeBytes: number, window: ByteWindow): PacketSource {
  const { buf, pos, end } = window;
  const counters = emptyCounters();
  const header = parsePcapHeader(buf, pos, end);
  if (header !== null) {
    window.pos = pos + PCAP_HEADER_LEN;
    return new OfflineCapture(name, sizeBytes, window, new PcapWalker(header, counters), counters);
  }
  if (probePcapng(buf, pos, end)) {
    return new OfflineCapture(name, sizeBytes, window, new PcapngWalker(counters), counters);
  }
  throw refuse(name, window);
}

function refuse(name: string, window: ByteWindow): CaptureError {
  const { buf, pos, end, failure } = window;
  const shown = name === STDIN_NAME ? 'standard input' : escapeUnsafe(name);
  if (failure !== null) {
    const message = `${shown}: ${failure}, and nothing of a capture could be read before that`;
    return new CaptureError('not_a_capture', name, message);
  }
  if (end === pos) {
    const message = `${shown}: empty; no packet was written to it, not even the header of a capture`;
    return new CaptureError('is_empty', name, message);
  }
  if (probePcap(buf, pos, end)) {
    const message = `${shown}: ends inside the header of a pcap file, ${end - pos} of ${PCAP_HEADER_LEN} bytes`;
    return new CaptureError('not_a_capture', name, message);
  }
  const message = `${shown}: not a packet capture; it ${describeBytes(buf, pos, end)}. ${READABLE}`;
  return new CaptureError('not_a_capture', name, message);
}

/** Not synchronously: a named pipe opens when its writer comes, and signals have to be heard until then. */
async function openFile(path: string): Promise<number> {
  try {
    return await promisify(open)(path, 'r');
  } catch (error) {
    throw toCaptureError(error, path);
  }
}

function sizeOf(stats: Stats): number {
  return stats.isFile() ? stats.size : 0;
}
