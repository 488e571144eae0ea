/**
 * One line at the bottom of a terminal that says how far the replay is, in bytes of the files as they lie on disk.
 *
 *     [#########-----------]  45 %  1.3 GB of 2.9 GB  310 MB/s  0:05 left  12 findings  day-2.pcap.gz
 *
 * Where the size is not known (standard input, a pipe) it says what was read. Other output erases the line first; the next call
 * draws it again.
 */
import { escapeUnsafe } from '../bytes/text.ts';
import type { CliIo } from './cli-io.ts';
import { cutText, fitText } from './display-text.ts';
import { toBytesText, toCountOf, toDurationText } from './quantity-text.ts';

const BAR_LEN = 20;
const ERASE_LINE = '\r\u001b[K';
/** A replay that is done before this shows no bar: it would only flicker. */
const QUIET_MS = 300;
const DEFAULT_WIDTH = 80;
const MAX_NAME_LEN = 30;

export class ProgressBar {
  readonly #stream: CliIo['stderr'];
  readonly #totalBytes: number;
  readonly #startMs: number;
  #isDrawn = false;

  /** `totalBytes` is 0 where it can't be known. */
  constructor(stream: CliIo['stderr'], totalBytes: number, nowMs: number) {
    this.#stream = stream;
    this.#totalBytes = totalBytes;
    this.#startMs = nowMs;
  }

  draw(path: string, doneBytes: number, findings: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#startMs;
    if (elapsedMs < QUIET_MS) return;
    const speed = (doneBytes * 1000) / elapsedMs;
    const parts = this.#totalBytes > 0 ? this.#partsOfTotal(doneBytes, speed) : [`${toBytesText(doneBytes)} read`];
    parts.push(`${toBytesText(speed)}/s`);
    if (findings > 0) parts.push(toCountOf(findings, 'finding'));
    parts.push(fitText(escapeUnsafe(path), MAX_NAME_LEN).trimEnd());
    this.drawText(parts.join('  '));
  }

  /** Any other line in its place. */
  drawText(text: string): void {
    const { columns = 0 } = this.#stream;
    // A terminal that does not know its width says 0.
    const width = (columns > 0 ? columns : DEFAULT_WIDTH) - 1;
    this.#stream.write(ERASE_LINE + cutText(text, width));
    this.#isDrawn = true;
  }

  erase(): void {
    if (!this.#isDrawn) return;
    this.#stream.write(ERASE_LINE);
    this.#isDrawn = false;
  }

  #partsOfTotal(doneBytes: number, speed: number): string[] {
    const share = Math.min(1, doneBytes / this.#totalBytes);
    const filled = Math.floor(share * BAR_LEN);
    const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_LEN - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
    const parts = [bar, `${toBytesText(doneBytes)} of ${toBytesText(this.#totalBytes)}`];
    if (speed > 0 && share < 1) parts.push(`${toDurationText((this.#totalBytes - doneBytes) / speed)} left`);
    return parts;
  }
}
