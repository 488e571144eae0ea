/**
 * Standard output as a target of events. Written with `fs.write` on a thread of its own, since Node's own stream writes to a pipe
 * synchronously: a reader that stands still would stop the sensor.
 */
import { write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { OutputError } from './output-error.ts';

const writeTo = promisify(write);

const STDOUT_FD = 1;
const RETRY_MS = 5;

export class StandardOutput {
  readonly #fd: number;

  constructor(fd = STDOUT_FD) {
    this.#fd = fd;
  }

  /** Rejects with `OutputError` `closed_by_reader` where the reader went away. */
  async write(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      try {
        at += (await writeTo(this.#fd, bytes, at, bytes.length - at)).bytesWritten;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : '';
        if (code === 'EPIPE') throw new OutputError('closed_by_reader', 'the reader of standard output went away');
        if (code !== 'EAGAIN') throw new OutputError('cannot_write', `can't write standard output: ${String(code)}`);
        await sleep(RETRY_MS);
      }
    }
  }

  async close(): Promise<void> {
    // Not ours to close.
  }
}
