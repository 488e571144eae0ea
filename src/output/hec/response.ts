/**
 * Reads any answer to a HEC request and says what to do about it. Nothing here throws: an answer is data, be it JSON, the HTML of
 * Splunk Web or of a proxy, empty, cut off or noise.
 *
 *     {"text":"Success","code":0,"ackId":7}
 *     {"text":"Invalid data format","code":6,"invalid-event-number":3}
 *
 * A code of HEC decides, with one exception: "success" with a status that is no success is not believed. Without a code the status
 * decides. A body of 2xx that is not HEC's JSON never counts as delivered.
 */
import { escapeUnsafe } from '../../bytes/text.ts';
import { readRetryAfter } from './backoff.ts';
import { Action, type CodeRow, HEC_CODES, NOT_HEC, SPLUNK_WEB, type StatusRow, statusRowOf } from './codes.ts';

/** Of a server's words: enough for every message of Splunk, and for the title of a page. */
const MAX_TEXT = 300;
const HTML = /^\s*<(?:!doctype\s+html|html|\?xml|head|body)/i;
const TITLE = /<title[^>]*>([^<]{1,300})/i;

export interface RawResponse {
  readonly http: number;
  readonly body: string;
  readonly retryAfter: string | null;
  readonly nowMs: number;
}

/** What an answer, or the want of one, says about the events of a request. */
export interface Verdict {
  readonly action: Action;
  /** In the form of a metric's label. */
  readonly reason: string;
  /** 0: there was no answer. */
  readonly http: number;
  readonly code: number | null;
  /** The server's words, safe to print. */
  readonly text: string;
  readonly ackId: number | null;
  /** Position of the bad event in the request, from 0. */
  readonly badAt: number | null;
  /** The events before `badAt` are indexed, and none from it on. */
  readonly isPartial: boolean;
  readonly retryAfterMs: number | null;
  /** The events may have been taken all the same. */
  readonly isAmbiguous: boolean;
}

export function parseResponse({ http, body, retryAfter, nowMs }: RawResponse): Verdict {
  const json = parseObject(body);
  const base = { http, retryAfterMs: readRetryAfter(retryAfter, nowMs), text: textOf(json, body) };
  const code = wholeNumber(json?.['code']);
  const row = code === null ? undefined : HEC_CODES.get(code);
  if (row !== undefined && isBelievable(row, http)) {
    const number = wholeNumber(json?.['invalid-event-number']);
    const badAt = number === null ? null : number - row.numberOffset;
    return {
      ...base,
      action: row.action,
      reason: row.reason,
      code,
      ackId: row.http === 200 ? wholeNumber(json?.['ackId']) : null,
      badAt: badAt === null || badAt < 0 ? null : badAt,
      isPartial: row.isPartial,
      isAmbiguous: row.action === Action.Retry,
    };
  }
  return { ...base, ...rowWithoutCode(http, body), code, ackId: null, badAt: null, isPartial: false };
}

/** The states of acknowledgements in an answer to `/ack`; `null` where it is no such answer. */
export function parseAcks(http: number, body: string): ReadonlyMap<number, boolean> | null {
  if (http !== 200) return null;
  const acks = parseObject(body)?.['acks'];
  if (!isRecord(acks)) return null;
  const states = new Map<number, boolean>();
  for (const [id, state] of Object.entries(acks)) states.set(Number(id), state === true);
  return states;
}

function isBelievable(row: CodeRow, http: number): boolean {
  return row.http !== 200 || (http >= 200 && http < 300);
}

function rowWithoutCode(http: number, body: string): StatusRow {
  if (http < 300) return HTML.test(body) ? SPLUNK_WEB : NOT_HEC;
  return statusRowOf(http);
}

function textOf(json: Readonly<Record<string, unknown>> | null, body: string): string {
  const text = json?.['text'];
  const words = typeof text === 'string' ? text : (TITLE.exec(body)?.[1] ?? body.slice(0, MAX_TEXT));
  return escapeUnsafe(words.slice(0, MAX_TEXT).trim());
}

function parseObject(body: string): Readonly<Record<string, unknown>> | null {
  if (!body.trimStart().startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : null;
  } catch {
    // Noise, or cut off: `JSON.parse` says so only by throwing.
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wholeNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
