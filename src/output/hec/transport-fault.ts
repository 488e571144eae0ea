/**
 * A request that got no answer: why, whether the events may have arrived all the same, and what to do.
 *
 * Before a connection stands nothing is sent, so a name that is not found, a refused connection or a certificate that is not
 * trusted are safe to repeat. Afterwards nobody knows: a reset or a time-out may come after the server took everything.
 */
import { escapeUnsafe } from '../../bytes/text.ts';
import { Action } from './codes.ts';
import type { Verdict } from './response.ts';

interface FaultRow {
  readonly reason: string;
  readonly action: Action;
}

const MAX_TEXT = 300;

const UNSENT: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection_refused'],
  ['ENOTFOUND', 'unknown_host'],
  ['EAI_AGAIN', 'unknown_host'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connect_timeout'],
  ['EMFILE', 'too_many_files'],
  ['ENFILE', 'too_many_files'],
]);

/** Errors of undici that have a name and, at times, no code. */
const NAMED: ReadonlyMap<string, string> = new Map([['HTTPParserError', 'HPE_INVALID']]);
/** The peer speaks no TLS, or none that we accept. */
const NOT_TLS = /^(?:ERR_SSL_|EPROTO$)/;
/** The names of OpenSSL's verification errors, as Node gives them. */
const UNTRUSTED =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|CRL_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)/;
const ALERT_FROM_PEER = /ALERT/;
const PROXY_STATUS = /Proxy response \((\d{3})\)/;

/** `isTimeout`: we gave up waiting. */
export function verdictOfError(error: unknown, isTimeout: boolean): Verdict {
  const { code, message } = rootOf(error);
  const row = isTimeout ? null : unsentRow(code, message);
  return {
    ...(row ?? { reason: isTimeout ? 'timeout' : sentReason(code), action: Action.Retry }),
    http: 0,
    code: null,
    text: escapeUnsafe(message.slice(0, MAX_TEXT)),
    ackId: null,
    badAt: null,
    isPartial: false,
    retryAfterMs: null,
    isAmbiguous: row === null,
  };
}

function unsentRow(code: string, message: string): FaultRow | null {
  const reason = UNSENT.get(code);
  if (reason !== undefined) return { reason, action: Action.FailOver };
  const proxyStatus = PROXY_STATUS.exec(message)?.[1];
  if (proxyStatus === '407') return { reason: 'proxy_auth', action: Action.Hold };
  if (proxyStatus !== undefined) return { reason: 'proxy_refused', action: Action.FailOver };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { reason: 'tls_name_mismatch', action: Action.Hold };
  if (code === 'UND_ERR_PRX_TLS') return { reason: 'proxy_tls', action: Action.Hold };
  if (UNTRUSTED.test(code)) return { reason: 'tls_untrusted', action: Action.Hold };
  if (NOT_TLS.test(code)) {
    // With TLS 1.3 the server refuses a client's certificate only after the first request has left: it was not read.
    return { reason: ALERT_FROM_PEER.test(code) ? 'tls_refused' : 'tls_failed', action: Action.Hold };
  }
  // Node's own words for a connection that ended within the TLS handshake.
  if (message.includes('before secure TLS connection')) return { reason: 'tls_interrupted', action: Action.FailOver };
  return null;
}

function sentReason(code: string): string {
  if (code.startsWith('HPE_')) return 'not_http';
  return code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_ABORTED' ? 'abandoned' : 'connection_lost';
}

/** The innermost error with a code: undici and the happy-eyeballs connector wrap them. */
function rootOf(error: unknown): { readonly code: string; readonly message: string } {
  let at = error;
  let found = { code: '', message: error instanceof Error ? error.message : 'no answer' };
  // An error that is its own cause must not hold us.
  for (let depth = 0; depth < 4 && at instanceof Error; depth++) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : (NAMED.get(at.name) ?? '');
    if (code !== '') found = { code, message: at.message === '' ? code : at.message };
    at = at instanceof AggregateError ? at.errors[0] : at.cause;
  }
  return found;
}
