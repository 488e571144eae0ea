/**
 * A file, or standard output, that is written in large pieces and waited for: the pipeline makes events as fast as they
 * can be written, and a replay has nothing better to do than to wait for its disk.
 *
 * A pipe whose reader is slow answers EAGAIN; the write is tried again after a short sleep. A reader that went away (EPIPE) is an
 * `OutputError` of its own, since `spanglass … | head` is no failure.
 */
import fs from 'node:fs';
import path from 'node:path';
import { messageOf } from './message-of.ts';
import { OutputError } from './output-error.ts';

const STDOUT_FD = 1;
const RETRY_MS = 2;

export class ByteFile {
  readonly name: string;
  readonly #fd: number;
  sizeBytes = 0;

  /** Opens `name` anew (`-` is standard output), making its folder if need be. Throws `OutputError`. */
  constructor(name: string) {
    this.name = name;
    if (name === '-') {
      this.#fd = STDOUT_FD;
      return;
    }
    try {
      fs.mkdirSync(path.dirname(name), { recursive: true });
      this.#fd = fs.openSync(name, 'w');
    } catch (error) {
      throw new OutputError('cannot_open', `can't write ${name}: ${reasonOf(error)}`);
    }
  }

  /** Writes all of `bytes`. Throws `OutputError`. */
  write(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      try {
        at += fs.writeSync(this.#fd, bytes, at, bytes.length - at);
      } catch (error) {
        const code = codeOf(error);
        if (code === 'EAGAIN') {
          sleep(RETRY_MS);
          continue;
        }
        const reason = reasonOf(error);
        if (code === 'EPIPE') throw new OutputError('closed_by_reader', `the reader of ${this.name} went away`);
        throw new OutputError('cannot_write', `can't write ${this.name} after ${this.sizeBytes + at} bytes: ${reason}`);
      }
    }
    this.sizeBytes += bytes.length;
  }

  close(): void {
    if (this.#fd !== STDOUT_FD) fs.closeSync(this.#fd);
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOSPC':
      return 'no space left on the device';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a folder';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'a part of its path is a file, not a folder';
    default:
      return messageOf(error);
  }
}
