/**
 * What a HEC server says: the code table of `hec.md` as JSON answers, and the answers that are HTML because something before
 * HEC gave them.
 */

export interface HecAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface CodeRow {
  readonly status: number;
  readonly text: string;
}

const CODES: Readonly<Record<number, CodeRow>> = {
  0: { status: 200, text: 'Success' },
  1: { status: 403, text: 'Token disabled' },
  2: { status: 401, text: 'Token is required' },
  3: { status: 401, text: 'Invalid authorization' },
  4: { status: 403, text: 'Invalid token' },
  5: { status: 400, text: 'No data' },
  6: { status: 400, text: 'Invalid data format' },
  7: { status: 400, text: 'Incorrect index' },
  8: { status: 500, text: 'Internal server error' },
  9: { status: 503, text: 'Server is busy' },
  10: { status: 400, text: 'Data channel is missing' },
  11: { status: 400, text: 'Invalid data channel' },
  12: { status: 400, text: 'Event field is required' },
  13: { status: 400, text: 'Event field cannot be blank' },
  14: { status: 400, text: 'ACK is disabled' },
  15: { status: 400, text: 'Error in handling indexed fields' },
  16: { status: 400, text: 'Query string authorization is not enabled' },
  17: { status: 200, text: 'HEC is healthy' },
  18: { status: 503, text: 'HEC is unhealthy, queues are full' },
  19: { status: 503, text: 'HEC is unhealthy, ack service unavailable' },
  20: { status: 503, text: 'HEC is unhealthy, queues are full, ack service unavailable' },
  21: { status: 400, text: 'Invalid token' },
  22: { status: 400, text: 'Token disabled' },
  23: { status: 503, text: 'Server is shutting down' },
  24: { status: 200, text: 'Success, queue is approaching capacity' },
  25: { status: 200, text: 'Success, ack channel is approaching capacity' },
  26: { status: 429, text: 'Queue is at capacity' },
  27: { status: 429, text: 'Ack channel is at capacity' },
  28: { status: 400, text: 'Data channel is missing' },
};

export function codeAnswer(
  code: number,
  extra: {
    readonly number?: number;
    readonly ackId?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): HecAnswer {
  const row = CODES[code];
  if (row === undefined) throw new Error(`HEC has no code ${code}`);
  const body: Record<string, unknown> = { text: row.text, code };
  if (extra.number !== undefined) body['invalid-event-number'] = extra.number;
  if (extra.ackId !== undefined) body['ackId'] = extra.ackId;
  return {
    status: row.status,
    headers: { 'content-type': 'application/json; charset=UTF-8', ...extra.headers },
    body: JSON.stringify(body),
  };
}

export function jsonAnswer(status: number, value: unknown): HecAnswer {
  return { status, headers: { 'content-type': 'application/json; charset=UTF-8' }, body: JSON.stringify(value) };
}

export function htmlAnswer(status: number, title: string, headers: Readonly<Record<string, string>> = {}): HecAnswer {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=UTF-8', ...headers },
    body: `<!doctype html><html><head><title>${status} ${title}</title></head><body><h1>${title}</h1></body></html>`,
  };
}
