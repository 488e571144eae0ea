/**
 * The five fields exactly as the published T1608.003 search computes them from an event's own fields, quirks included.
 *
 *     where dest_port IN (443, 8443, 4443), and not action denied | blocked | dropped
 *     where isnotnull(ssl_subject) OR isnotnull(ssl_issuer)
 *     SelfSignedScore   3   ssl_subject == ssl_issuer, as text
 *     WeakCNScore       2   the pattern below, anywhere in the lower-cased subject
 *     MismatchScore     2   dest_host is not like "%" + the subject without `cn=*.` and `cn=`
 *     CertRiskLevel         High from 5, Medium from 3, else Low; where CertRiskScore > 1
 *
 * An event that the search drops still leaves the sensor, so it needs values: one that is dropped before it is scored (another
 * port, a blocked connection, neither subject nor issuer) has zero in all four numbers; one that is scored and dropped by
 * `CertRiskScore > 1` has the scores it got, which can only be zeros. The level of both is `None`. So whatever the search
 * reports has its values here, and whatever has `None` here the search does not report.
 *
 * Kept on purpose: a subject of more than a CN never matches a host; SAN is not looked at; `_` and `%` in a CN are wildcards; `cn=` is cut
 * out wherever it stands, `cn=*.` first; an empty dest_host is no mismatch; equal names count as self-signed.
 *
 * Where PCRE and this engine could differ they do not: the patterns hold ASCII only, and `\b` and `\w` are ASCII in both. `lower`
 * here is Unicode's; should Splunk's be ASCII's, only U+212A and U+0130 could tell, the two characters whose lower case
 * holds an ASCII letter, beside one of the pattern's words.
 */
import { isLike } from './like.ts';
import {
  buildScore,
  type DetectionScore,
  mismatchReason,
  NO_FINDING,
  placeholderReason,
  quote,
  type Reason,
  selfIssuedReason,
} from './score.ts';

/** The fields of an event that the search reads, after its `coalesce`. Null is an absent field; empty text is present. */
export interface SearchedFields {
  readonly destPort: number;
  readonly action: string | null;
  readonly subject: string | null;
  readonly issuer: string | null;
  readonly destHost: string | null;
}

const WEAK_CN = /(localhost|example\.com|\btest\b|\btemp\b|staging-|\.invalid|\bdefault\b)/;

/** Text that eval takes for a number. */
const NUMERIC = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** Whether the search looks at such a connection at all. The base search compares actions without regard to case. */
export function isSearched(destPort: number, action: string | null): boolean {
  if (destPort !== 443 && destPort !== 8443 && destPort !== 4443) return false;
  // What a sensor says of nearly every connection needs no folding.
  if (action === null || action === 'allowed') return true;
  const folded = action.toLowerCase();
  return folded !== 'denied' && folded !== 'blocked' && folded !== 'dropped';
}

export function buildFaithfulScore(fields: SearchedFields): DetectionScore {
  const { subject, issuer, destHost } = fields;
  if (!isSearched(fields.destPort, fields.action)) return NO_FINDING;
  if (subject === null && issuer === null) return NO_FINDING;
  const subjectLower = (subject ?? '').toLowerCase();
  return buildScore({
    selfSigned: findEqualNames(subject, issuer),
    placeholder: findWeakCn(subjectLower),
    mismatch: findMismatch(subjectLower, (destHost ?? '').toLowerCase()),
    remark: null,
  });
}

function findEqualNames(subject: string | null, issuer: string | null): Reason | null {
  if (subject === null || issuer === null || !isEqualInEval(subject, issuer)) return null;
  return selfIssuedReason(`subject and issuer are the same text: ${quote(subject)}`, true);
}

/** `==` of eval: case counts, but two texts that are numbers are compared as numbers. */
function isEqualInEval(a: string, b: string): boolean {
  return a === b || (NUMERIC.test(a) && NUMERIC.test(b) && Number(a) === Number(b));
}

function findWeakCn(subjectLower: string): Reason | null {
  const found = WEAK_CN.exec(subjectLower);
  return found === null ? null : placeholderReason(`the subject holds ${found[0]}: ${quote(subjectLower)}`);
}

function findMismatch(subjectLower: string, hostLower: string): Reason | null {
  if (hostLower.length === 0) return null;
  const cnValue = subjectLower.replaceAll('cn=*.', '').replaceAll('cn=', '');
  if (cnValue.length === 0 || isLike(hostLower, `%${cnValue}`)) return null;
  return mismatchReason(`${quote(hostLower)} does not end in the subject's ${quote(cnValue)}`);
}
