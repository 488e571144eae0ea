/**
 * A file of the events that a server refuses, each with the server's words: to look at, to mend, to send again.
 *
 *     {"at":"2026-01-01T00:00:00.000Z","endpoint":"https://…","reason":"event_blank","http":400,"code":13,"text":"…","event":{…}}\n
 *
 *     jq -c .event quarantine.ndjson | curl -H "Authorization: Splunk …" --data-binary @- https://…/services/collector/event
 *
 * `event` is the whole envelope as it was sent; where that is no JSON (which may be what the server minds) it is a string.
 *
 * The file is bounded. When it is full the first events stay, as they tell the most, and later ones are counted and not kept. It may be
 * moved away at any time: it is opened anew for each event. Only its owner may read it.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../message-of.ts';
import type { Redactor } from './redactor.ts';
import type { Verdict } from './response.ts';

const OWNER_ONLY = 0o600;
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

export type QuarantineResult = 'kept' | 'full' | 'failed';

export class Quarantine {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #redactor: Redactor;
  /** One after the other, so that lines don't mix and the bound holds. */
  #last: Promise<QuarantineResult> = Promise.resolve('kept');
  /** Why the last event could not be written. */
  fault: string | null = null;

  constructor(file: string, maxBytes: number, redactor: Redactor) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#redactor = redactor;
  }

  /** Keeps one event; `kept` means that it is on the disk. */
  add(endpoint: string, { reason, http, code, text }: Verdict, event: Uint8Array): Promise<QuarantineResult> {
    const words = this.#redactor.redact(
      JSON.stringify({ at: new Date().toISOString(), endpoint, reason, http, code, text }),
    );
    const line = Buffer.from(`${words.slice(0, -1)},"event":${eventText(event)}}\n`);
    this.#last = this.#last.then(() => this.#write(line));
    return this.#last;
  }

  async #open(): Promise<FileHandle> {
    try {
      return await open(this.#file, FLAGS, OWNER_ONLY);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      await mkdir(path.dirname(this.#file), { recursive: true });
      return await open(this.#file, FLAGS, OWNER_ONLY);
    }
  }

  async #write(line: Buffer): Promise<QuarantineResult> {
    try {
      const file = await this.#open();
      try {
        const { size } = await file.stat();
        if (size + line.length > this.#maxBytes) return 'full';
        await file.appendFile(line);
        await file.datasync();
      } finally {
        await file.close();
      }
      this.fault = null;
      return 'kept';
    } catch (error) {
      this.fault = messageOf(error);
      return 'failed';
    }
  }
}

function eventText(event: Uint8Array): string {
  const text = Buffer.from(event).toString('utf8').trim();
  try {
    const value: unknown = JSON.parse(text);
    // Ours is one line; one that was made elsewhere must be, too.
    return text.includes('\n') ? JSON.stringify(value) : text;
  } catch {
    // It is no JSON, which `JSON.parse` says only by throwing.
    return JSON.stringify(text);
  }
}
