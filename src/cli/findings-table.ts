/**
 * Findings as rows of a table, fitted to the width of the terminal.
 *
 *     wide      TIME  CLIENT  SERVER  SNI  SUBJECT  ISSUER  SCORE  LEVEL  WHY
 *     narrow    TIME  CLIENT  SERVER  SNI  SUBJECT  ISSUER  SCORE  LEVEL
 *                 WHY
 *
 * Columns keep their width from the first row to the last, because rows come while the capture is read.
 */
import { styleText } from 'node:util';
import type { RiskLevel } from '../score/score.ts';
import type { Finding } from '../sensor/finding.ts';
import { cutText, fitText } from './display-text.ts';

interface Column {
  readonly title: string;
  readonly width: number;
  read(finding: Finding): string;
}

const DEFAULT_WIDTH = 80;
/** Below this a row is broken by the terminal: columns of a letter or two say nothing. */
const MIN_WIDTH = 60;
const MIN_WIDE_WIDTH = 160;
const MIN_DATE_WIDTH = 110;
const DATE_AND_TIME_LEN = 19;
const TIME_LEN = 8;
const GAP = ' ';
const INDENT = '  ';

/** Shares of the room that columns without a width of their own divide. */
const SHARES = { sni: 5, subject: 6, issuer: 6, why: 9 } as const;
/** `192.0.2.100:50123`, and no more than this share of the room. */
const ENDPOINT_LEN = 21;
const ENDPOINT_SHARE = 0.22;

const LEVEL_STYLE = { High: 'red', Medium: 'yellow', Low: 'cyan', None: 'gray' } as const satisfies Record<
  RiskLevel,
  string
>;

export class FindingsTable {
  readonly #columns: readonly Column[];
  readonly #width: number;
  readonly #isWide: boolean;
  readonly #hasColor: boolean;

  constructor(width: number | undefined, hasColor: boolean) {
    this.#width = Math.max(MIN_WIDTH, width ?? DEFAULT_WIDTH);
    this.#isWide = this.#width >= MIN_WIDE_WIDTH;
    this.#hasColor = hasColor;
    this.#columns = layOut(this.#width, this.#isWide);
  }

  header(): string {
    const line = this.#columns.map(({ title, width }) => fitText(title, width)).join(GAP);
    return `${this.#hasColor ? paint('bold', line) : line}\n`;
  }

  /** One line, or two. */
  row(finding: Finding): string {
    const cells = this.#columns.map((column) => {
      const cell = fitText(column.read(finding), column.width);
      return this.#hasColor && column.title === 'LEVEL' ? paint(LEVEL_STYLE[finding.level], cell) : cell;
    });
    const line = `${cells.join(GAP)}\n`;
    if (this.#isWide || finding.why === '') return line;
    const why = INDENT + cutText(finding.why, this.#width - INDENT.length);
    return `${line}${this.#hasColor ? paint('dim', why) : why}\n`;
  }
}

function layOut(width: number, isWide: boolean): readonly Column[] {
  const hasDate = width >= MIN_DATE_WIDTH;
  const timeLen = hasDate ? DATE_AND_TIME_LEN : TIME_LEN;
  const fixed = timeLen + 'SCORE'.length + 'Medium'.length;
  const gaps = isWide ? 8 : 7;
  const { why, ...shares } = SHARES;
  const sum = Object.values(shares).reduce((a, b) => a + b, isWide ? why : 0);
  const all = width - fixed - gaps;
  const endpointLen = Math.min(ENDPOINT_LEN, Math.floor(all * ENDPOINT_SHARE));
  const room = all - 2 * endpointLen;
  const share = (n: number): number => Math.floor((room * n) / sum);
  const columns: Column[] = [
    { title: hasDate ? 'TIME (UTC)' : 'UTC', width: timeLen, read: ({ time }) => shortTime(time, hasDate) },
    { title: 'CLIENT', width: endpointLen, read: ({ client }) => client },
    { title: 'SERVER', width: endpointLen, read: ({ server }) => server },
    { title: 'SNI', width: share(shares.sni), read: ({ sni }) => sni || '-' },
    { title: 'SUBJECT', width: share(shares.subject), read: ({ subject }) => subject || '-' },
    { title: 'ISSUER', width: share(shares.issuer), read: ({ issuer }) => issuer || '-' },
    { title: 'SCORE', width: 'SCORE'.length, read: ({ score }) => String(score).padStart('SCORE'.length) },
    { title: 'LEVEL', width: 'Medium'.length, read: ({ level }) => level },
  ];
  if (isWide) columns.push({ title: 'WHY', width: share(why), read: (finding) => finding.why || '-' });
  return columns;
}

function shortTime(iso: string, hasDate: boolean): string {
  return hasDate ? iso.slice(0, DATE_AND_TIME_LEN).replace('T', ' ') : iso.slice(11, 11 + TIME_LEN);
}

/** Whether there is to be colour was decided by who writes. */
function paint(style: 'bold' | 'dim' | 'red' | 'yellow' | 'cyan' | 'gray', text: string): string {
  return styleText(style, text, { validateStream: false });
}
