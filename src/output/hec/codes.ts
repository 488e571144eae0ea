/**
 * What a HEC server can answer, and what we do about it: the whole table, as data. Nothing else in this room knows a code by
 * its number.
 *
 * Two tables. `HEC_CODES` has Splunk's own codes, found in the JSON of an answer. `STATUS_ROWS` has what a status means when
 * there is no such code: the answer of Splunk Web, of a proxy, of a load balancer, or of a later Splunk.
 *
 * Source: Splunk's documentation of HEC error codes, and the behaviour recorded on Enterprise 10.4 and Cloud 10.5 where it differs
 * (the offset of code 7, partial acceptance, code 6 with number 0).
 */
export const Action = {
  /** Taken; waits for its acknowledgement where the server gave an ackId. */
  Accept: 'accept',
  AcceptSlower: 'accept_slower',
  AcceptPollSooner: 'accept_poll_sooner',
  /** Nothing passes until somebody mends something: alarm, retry slowly and when a token is reloaded. Never drop. */
  Hold: 'hold',
  /** As `Hold`, but another token may do. */
  HoldToken: 'hold_token',
  /** Another index may do; else the part waits, and others go on. */
  HoldIndex: 'hold_index',
  /** This part waits, others go on: refused with words we don't know, so neither delivered nor ours to drop. */
  Park: 'park',
  /** One event is bad: the one named, or one that halving finds. */
  Isolate: 'isolate',
  /** Too large: half of it at a time. */
  Split: 'split',
  /** May have been taken: again, as a possible duplicate. */
  Retry: 'retry',
  /** Not taken, and the server is busy: again, later. */
  BackOff: 'back_off',
  /** Not taken, and the server is not well: another one, and this one after a look at its health. */
  FailOver: 'fail_over',
  AddChannel: 'add_channel',
  NewChannel: 'new_channel',
  /** Too many acknowledgements wait on this channel: ask for them, then open another. */
  DrainAcks: 'drain_acks',
  WithoutAck: 'without_ack',
  PlainBody: 'plain_body',
  /** The answer to a question about health; no answer to events. */
  Healthy: 'healthy',
} as const;
export type Action = (typeof Action)[keyof typeof Action];

export interface CodeRow {
  readonly code: number;
  /** The status it comes with. */
  readonly http: number;
  /** In the form of a metric's label. */
  readonly reason: string;
  readonly meaning: string;
  readonly action: Action;
  /** How far `invalid-event-number` lies behind the object it means. */
  readonly numberOffset: 0 | 1;
  /** Whether the objects before the one named are indexed already, and none from it on. */
  readonly isPartial: boolean;
}

const ROWS: readonly CodeRow[] = [
  row(0, 200, 'success', 'Success', Action.Accept),
  row(1, 403, 'token_disabled', 'Token disabled', Action.HoldToken),
  row(2, 401, 'token_required', 'Token is required', Action.HoldToken),
  row(3, 401, 'invalid_authorization', 'Invalid authorization', Action.HoldToken),
  row(4, 403, 'invalid_token', 'Invalid token', Action.HoldToken),
  row(5, 400, 'no_data', 'No data', Action.Isolate),
  row(6, 400, 'invalid_format', 'Invalid data format', Action.Isolate, 0, true),
  row(7, 400, 'incorrect_index', 'Incorrect index', Action.HoldIndex, 1),
  row(8, 500, 'server_error', 'Internal server error', Action.Retry),
  row(9, 503, 'server_busy', 'Server is busy', Action.BackOff, 0, true),
  row(10, 400, 'channel_missing', 'Data channel is missing', Action.AddChannel),
  row(11, 400, 'channel_invalid', 'Invalid data channel', Action.NewChannel),
  row(12, 400, 'event_required', 'Event field is required', Action.Isolate, 0, true),
  row(13, 400, 'event_blank', 'Event field cannot be blank', Action.Isolate, 0, true),
  row(14, 400, 'ack_disabled', 'ACK is disabled', Action.WithoutAck),
  row(15, 400, 'indexed_fields', 'Error in handling indexed fields', Action.Isolate, 0, true),
  row(16, 400, 'query_string_auth', 'Query string authorization is not enabled', Action.Hold),
  row(17, 200, 'healthy', 'HEC is healthy', Action.Healthy),
  row(18, 503, 'queues_full', 'HEC is unhealthy, queues are full', Action.FailOver),
  row(19, 503, 'ack_unavailable', 'HEC is unhealthy, ack service unavailable', Action.FailOver),
  row(20, 503, 'queues_full_no_ack', 'HEC is unhealthy, queues are full, ack service unavailable', Action.FailOver),
  row(21, 400, 'health_invalid_token', 'Invalid token', Action.HoldToken),
  row(22, 400, 'health_token_disabled', 'Token disabled', Action.HoldToken),
  row(23, 503, 'shutting_down', 'Server is shutting down', Action.FailOver),
  row(24, 200, 'queue_near_capacity', 'Queue approaching capacity', Action.AcceptSlower),
  row(25, 200, 'ack_near_capacity', 'Ack approaching capacity', Action.AcceptPollSooner),
  row(26, 429, 'queue_at_capacity', 'Queue at capacity', Action.BackOff),
  row(27, 429, 'ack_at_capacity', 'Ack channel at capacity', Action.DrainAcks),
  row(28, 400, 'channel_missing', 'Data channel is missing', Action.AddChannel),
];

export const HEC_CODES: ReadonlyMap<number, CodeRow> = new Map(ROWS.map((one) => [one.code, one]));

export interface StatusRow {
  readonly reason: string;
  readonly action: Action;
  /** The events may have been taken all the same. */
  readonly isAmbiguous: boolean;
}

/** An answer with a status of 2xx that no HEC gives. Taken or not: nobody knows. */
export const NOT_HEC: StatusRow = { reason: 'not_hec', action: Action.Hold, isAmbiguous: true };
/** The page of Splunk Web, or a redirection to its login: port 8000 in place of 8088. */
export const SPLUNK_WEB: StatusRow = { reason: 'splunk_web', action: Action.Hold, isAmbiguous: false };

const STATUS_ROWS: ReadonlyMap<number, StatusRow> = new Map([
  [303, SPLUNK_WEB],
  [401, status('unauthorized', Action.HoldToken)],
  // A firewall says 403 too, of one body: a code would be there if the token were meant.
  [403, status('forbidden', Action.Park)],
  [404, status('not_found', Action.Hold)],
  [405, status('not_found', Action.Hold)],
  [407, status('proxy_auth', Action.Hold)],
  [408, status('request_timeout', Action.Retry, true)],
  [410, status('not_found', Action.Hold)],
  [413, status('too_large', Action.Split)],
  [415, status('unsupported_encoding', Action.PlainBody)],
  [429, status('too_many_requests', Action.BackOff)],
  [500, status('server_error', Action.Retry, true)],
  [502, status('bad_gateway', Action.Retry, true)],
  [503, status('unavailable', Action.BackOff)],
  [504, status('gateway_timeout', Action.Retry, true)],
]);

/** What a status means that came without a code of HEC. */
export function statusRowOf(http: number): StatusRow {
  const known = STATUS_ROWS.get(http);
  if (known !== undefined) return known;
  if (http >= 500) return status('server_error', Action.Retry, true);
  if (http >= 400) return status('refused', Action.Park);
  if (http >= 300) return status('redirected', Action.Hold);
  return NOT_HEC;
}

function row(
  code: number,
  http: number,
  reason: string,
  meaning: string,
  action: Action,
  numberOffset: 0 | 1 = 0,
  isPartial = false,
): CodeRow {
  return { code, http, reason, meaning, action, numberOffset, isPartial };
}

function status(reason: string, action: Action, isAmbiguous = false): StatusRow {
  return { reason, action, isAmbiguous };
}
