/**
 * Standard output as a target of events. Node's own stream writes to a pipe synchronously: a reader that stands still would stop the sensor.
 * A write to it on a thread of the pool would keep the process from ending. So a pipe is written as any socket is; all else, which is a
 * file or a terminal, on a thread.
 */
import { fstatSync, write } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { OutputError } from './output-error.ts';

const writeTo = promisify(write);

const STDOUT_FD = 1;

export class StandardOutput {
  readonly #fd: number;
  /** Null where it is no pipe; undefined before the first write. */
  #pipe: Socket | null | undefined;
  /** What is being written, by one try or several, and how much of it is. */
  #begun: Uint8Array | null = null;
  #at = 0;

  constructor(fd = STDOUT_FD) {
    this.#fd = fd;
  }

  /**
   * Where the signal is raised a pipe is given up, wherever it is. Rejects with `OutputError` `closed_by_reader` where the reader went away.
   * A file goes on where it failed when the same bytes are tried again.
   */
  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#pipe ??= isPipe(this.#fd) ? openPipe(this.#fd) : null;
    try {
      if (this.#pipe === null) await this.#writeFile(bytes);
      else await writePipe(this.#pipe, bytes, signal);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code === 'EPIPE' || code === 'ECONNRESET')
        throw new OutputError('closed_by_reader', 'the reader of standard output went away');
      throw new OutputError('cannot_write', `can't write standard output: ${String(code)}`);
    }
  }

  async close(): Promise<void> {
    // Not ours to close.
  }

  async #writeFile(bytes: Uint8Array): Promise<void> {
    if (this.#begun !== bytes) this.#at = 0;
    this.#begun = bytes;
    while (this.#at < bytes.length) {
      this.#at += (await writeTo(this.#fd, bytes, this.#at, bytes.length - this.#at)).bytesWritten;
    }
    this.#begun = null;
  }
}

function isPipe(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket();
}

function openPipe(fd: number): Socket {
  const pipe = new Socket({ fd, readable: false, writable: true });
  // The write that failed says why.
  pipe.on('error', () => undefined);
  // Only a write that is under way keeps the process alive.
  pipe.unref();
  return pipe;
}

function writePipe(pipe: Socket, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      // It would call back as if all had been written.
      reject(new Error('given up'));
      pipe.destroy();
    };
    signal.addEventListener('abort', giveUp);
    pipe.write(bytes, (error) => {
      signal.removeEventListener('abort', giveUp);
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}
