/**
 * A capture that is written as a stream: classic pcap, little-endian, microseconds, Ethernet. Memory is one buffer,
 * whatever the file's size.
 *
 * A packet is changed in place after it was put and before the next one is: that is how a copy gets other addresses
 * without being built again.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

const BUFFER_BYTES = 4 * 1024 * 1024;
const HEADER_LEN = 24;
const RECORD_LEN = 16;
const MICROS = 1_000_000;

export class PcapFile {
  readonly buf: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  packets = 0;
  sizeBytes = 0;
  readonly #fd: number;
  #at = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
    this.buf.fill(0, 0, HEADER_LEN);
    this.buf.writeUInt32LE(0xa1b2c3d4, 0);
    this.buf.writeUInt16LE(2, 4);
    this.buf.writeUInt16LE(4, 6);
    this.buf.writeUInt32LE(262_144, 16);
    this.buf.writeUInt32LE(1, 20);
    this.#at = HEADER_LEN;
  }

  /** Appends `bytes[at, end)` and returns where in `buf` the copy lies until the next call. */
  put(tsUs: number, bytes: Uint8Array, at: number, end: number): number {
    const len = end - at;
    if (this.#at + RECORD_LEN + len > this.buf.length) this.#flush();
    const { buf } = this;
    const second = Math.floor(tsUs / MICROS);
    buf.writeUInt32LE(second, this.#at);
    buf.writeUInt32LE(Math.floor(tsUs - second * MICROS), this.#at + 4);
    buf.writeUInt32LE(len, this.#at + 8);
    buf.writeUInt32LE(len, this.#at + 12);
    const copyAt = this.#at + RECORD_LEN;
    buf.set(bytes.subarray(at, end), copyAt);
    this.#at = copyAt + len;
    this.packets += 1;
    return copyAt;
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    for (let at = 0; at < this.#at; ) at += writeSync(this.#fd, this.buf, at, this.#at - at);
    this.sizeBytes += this.#at;
    this.#at = 0;
  }
}
