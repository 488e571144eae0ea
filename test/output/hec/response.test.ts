import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRetryAfter } from '../../../src/output/hec/backoff.ts';
import { Action, HEC_CODES } from '../../../src/output/hec/codes.ts';
import { parseAcks, parseResponse, type Verdict } from '../../../src/output/hec/response.ts';
import { verdictOfError } from '../../../src/output/hec/transport-fault.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

function answer(http: number, body: unknown, retryAfter: string | null = null): Verdict {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return parseResponse({ http, body: text, retryAfter, nowMs: NOW_MS });
}

describe('the table of codes', () => {
  /** hec.md, column by column: code, HTTP, what we do. */
  it.each([
    [0, 200, Action.Accept],
    [1, 403, Action.HoldToken],
    [2, 401, Action.HoldToken],
    [3, 401, Action.HoldToken],
    [4, 403, Action.HoldToken],
    [5, 400, Action.Isolate],
    [6, 400, Action.Isolate],
    [7, 400, Action.HoldIndex],
    [8, 500, Action.Retry],
    [9, 503, Action.BackOff],
    [10, 400, Action.AddChannel],
    [11, 400, Action.NewChannel],
    [12, 400, Action.Isolate],
    [13, 400, Action.Isolate],
    [14, 400, Action.WithoutAck],
    [15, 400, Action.Isolate],
    [16, 400, Action.Hold],
    [17, 200, Action.Healthy],
    [18, 503, Action.FailOver],
    [19, 503, Action.FailOver],
    [20, 503, Action.FailOver],
    [21, 400, Action.HoldToken],
    [22, 400, Action.HoldToken],
    [23, 503, Action.FailOver],
    [24, 200, Action.AcceptSlower],
    [25, 200, Action.AcceptPollSooner],
    [26, 429, Action.BackOff],
    [27, 429, Action.DrainAcks],
    [28, 400, Action.AddChannel],
  ])('code %i with %i means %s', (code, http, action) => {
    expect(answer(http, { text: 'words', code })).toMatchObject({ action, code, http, text: 'words' });
    expect(HEC_CODES.get(code)?.http).toBe(http);
  });

  it('has each code from 0 to 28 once', () => {
    expect([...HEC_CODES.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 29 }, (_, i) => i));
  });

  it.each([
    [200, Action.Hold, true],
    [303, Action.Hold, false],
    [301, Action.Hold, false],
    [400, Action.Park, false],
    [401, Action.HoldToken, false],
    [403, Action.Park, false],
    [404, Action.Hold, false],
    [407, Action.Hold, false],
    [408, Action.Retry, true],
    [413, Action.Split, false],
    [415, Action.PlainBody, false],
    [429, Action.BackOff, false],
    [500, Action.Retry, true],
    [502, Action.Retry, true],
    [503, Action.BackOff, false],
    [504, Action.Retry, true],
    [507, Action.Retry, true],
  ])('a page with %i and no code means %s', (http, action, isAmbiguous) => {
    const body = http === 200 ? 'noise' : '<html><head><title>Sorry</title></head></html>';
    expect(answer(http, body)).toMatchObject({
      action,
      isAmbiguous,
      code: null,
      text: http === 200 ? 'noise' : 'Sorry',
    });
  });
});

describe('an answer', () => {
  it('with an ackId waits for it', () => {
    expect(answer(200, { text: 'Success', code: 0, ackId: 7 }).ackId).toBe(7);
  });

  it.each([
    [6, 3, 3],
    [12, 3, 3],
    [13, 0, 0],
    [15, 3, 3],
    [9, 3, 3],
    [7, 3, 2],
    [7, 0, null],
  ])('of code %i with the number %i means event %s', (code, number, badAt) => {
    const http = HEC_CODES.get(code)?.http ?? 0;
    expect(answer(http, { code, 'invalid-event-number': number }).badAt).toBe(badAt);
  });

  it.each([-1, 1.5, '3', null, 1e300])('with the number %s has no number', (number) => {
    expect(answer(400, { code: 6, 'invalid-event-number': number }).badAt).toBe(null);
  });

  it('is partial for the codes that were measured so, and no others', () => {
    const partial = [...HEC_CODES.values()].filter((row) => row.isPartial).map((row) => row.code);
    expect(partial).toEqual([6, 9, 12, 13, 15]);
  });

  it.each([500, 403, 302])('that says success with status %i is not believed', (http) => {
    expect(answer(http, { text: 'Success', code: 0, ackId: 1 }).action).not.toBe(Action.Accept);
  });

  it.each(['', ' ', '{', '{"code":', '[]', '"code"', '{"code":"0"}', '{"text":"Success"}', '{"code":0', 'null'])(
    'of 200 with the body %j is not delivered',
    (body) => {
      expect(answer(200, body)).toMatchObject({ action: Action.Hold, isAmbiguous: true });
    },
  );

  it('of 200 with the HTML of Splunk Web says so', () => {
    const html = ' <!doctype html><html lang="en"><head><title>Login | Splunk</title></head></html>';
    expect(answer(200, html)).toMatchObject({ action: Action.Hold, reason: 'splunk_web', text: 'Login | Splunk' });
  });

  it('with a code that a later Splunk may have goes by its status', () => {
    expect(answer(400, { text: 'New', code: 77 })).toMatchObject({ action: Action.Park, code: 77, text: 'New' });
    expect(answer(503, { text: 'New', code: 77 })).toMatchObject({ action: Action.BackOff });
  });

  it('has words that are safe to print, and not too many', () => {
    expect(answer(400, { code: 6, text: '\u001b[31mred\nline' }).text).toBe('\\u{1b}[31mred\\u{a}line');
    expect(answer(400, 'x'.repeat(10_000)).text.length).toBeLessThanOrEqual(300);
  });

  it('of any bytes with any status is a verdict, and delivered only with the code that says so', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.string(), fc.json()), (http, body) => {
        const verdict = answer(http, body);
        expect(Object.values(Action)).toContain(verdict.action);
        expect(!verdict.action.startsWith('accept') || /"code"\s*:/.test(body)).toBe(true);
      }),
    );
  });
});

describe('the states of acknowledgements', () => {
  it('are read', () => {
    expect(parseAcks(200, '{"acks":{"0":true,"1":false,"17":true}}')).toEqual(
      new Map([
        [0, true],
        [1, false],
        [17, true],
      ]),
    );
  });

  it.each([
    [400, '{"acks":{"0":true}}'],
    [200, '{"acks":[true]}'],
    [200, '{"text":"Success","code":0}'],
    [200, '<html>'],
    [200, '{"acks":{"0":tr'],
  ])('are not found in %i %s', (http, body) => {
    expect(parseAcks(http, body)).toBe(null);
  });

  it('are true only where true is said', () => {
    expect(parseAcks(200, '{"acks":{"0":"true","1":1}}')).toEqual(
      new Map([
        [0, false],
        [1, false],
      ]),
    );
  });
});

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['7', 7_000],
    [' 7 ', 7_000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Thursday, 01-Jan-26 00:00:30 GMT', 30_000],
    ['Thu, 01 Jan 2025 00:00:00 GMT', 0],
    ['999999', 300_000],
    ['Thu, 01 Jan 2099 00:00:00 GMT', 300_000],
    ['soon', null],
    ['-5', null],
    ['1.5', null],
    ['2026', 300_000],
    ['', null],
  ])('%j is %s ms', (value, ms) => {
    expect(readRetryAfter(value, NOW_MS)).toBe(ms);
  });
});

describe('a request without an answer', () => {
  const withCode = (code: string, message = 'words'): Error => Object.assign(new Error(message), { code });

  it.each([
    [withCode('ECONNREFUSED'), 'connection_refused', Action.FailOver],
    [withCode('ENOTFOUND'), 'unknown_host', Action.FailOver],
    [withCode('UND_ERR_CONNECT_TIMEOUT'), 'connect_timeout', Action.FailOver],
    [withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls_untrusted', Action.Hold],
    [withCode('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'tls_untrusted', Action.Hold],
    [withCode('CERT_HAS_EXPIRED'), 'tls_untrusted', Action.Hold],
    [withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls_name_mismatch', Action.Hold],
    [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls_failed', Action.Hold],
    [withCode('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'tls_refused', Action.Hold],
    [withCode('UND_ERR_ABORTED', 'Proxy response (407) !== 200 when HTTP Tunneling'), 'proxy_auth', Action.Hold],
    [withCode('UND_ERR_ABORTED', 'Proxy response (502) !== 200 when HTTP Tunneling'), 'proxy_refused', Action.FailOver],
    [new AggregateError([withCode('ECONNREFUSED')], ''), 'connection_refused', Action.FailOver],
    [new Error('outer', { cause: withCode('ECONNREFUSED') }), 'connection_refused', Action.FailOver],
  ])('because of %s was not sent', (error, reason, action) => {
    expect(verdictOfError(error, false)).toMatchObject({ reason, action, isAmbiguous: false, http: 0 });
  });

  it.each([
    [withCode('ECONNRESET'), false, 'connection_lost'],
    [withCode('UND_ERR_SOCKET', 'other side closed'), false, 'connection_lost'],
    [withCode('EPIPE'), false, 'connection_lost'],
    [new Error('anything'), false, 'connection_lost'],
    ['not even an error', false, 'connection_lost'],
    [withCode('UND_ERR_ABORTED'), true, 'timeout'],
    [withCode('UND_ERR_DESTROYED'), false, 'abandoned'],
  ])('because of %s may have been taken', (error, isTimeout, reason) => {
    expect(verdictOfError(error, isTimeout)).toMatchObject({ reason, action: Action.Retry, isAmbiguous: true });
  });
});
