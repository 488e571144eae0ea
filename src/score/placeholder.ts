/**
 * Names that stand where nobody chose one: what tools, tutorials and half-finished installs leave in a certificate.
 *
 * The search looks for its words anywhere in the subject and so finds them in `contest.org` beside `latest-test.example.com`. Here a
 * word must be a whole label of the name that the certificate gives itself: its CN, or, where it has no CN, its first dNSName, which
 * is what CAs copy into the CN. The other names of a SAN are not looked at: a content network carries a `test.` of somebody's among a
 * hundred names, and that says nothing of the certificate.
 *
 *     a label, anywhere        localhost test temp default staging changeme
 *     the top-level domain     example invalid (RFC 2606 2; .test and .localhost are labels above)
 *     a domain, or under it    example.com .net .org (RFC 2606 3), example.edu (reserved by its registry)
 *     the whole name           server ubuntu unk * (far too common as one label of many)
 *     O, the whole value       the defaults of OpenSSL, of Red Hat's openssl.cnf, of Go's generate_cert.go, of many a tutorial
 *     ST, the whole value      Some-State, OpenSSL's
 */
import type { Certificate } from '../x509/certificate.ts';
import { commonNames } from './host-name.ts';
import { quote } from './score.ts';

const LABELS: ReadonlySet<string> = new Set(['localhost', 'test', 'temp', 'default', 'staging', 'changeme']);
const TOP_LEVEL_DOMAINS: ReadonlySet<string> = new Set(['example', 'invalid']);
const DOMAINS: readonly string[] = ['example.com', 'example.net', 'example.org', 'example.edu'];
const WHOLE_NAMES: ReadonlySet<string> = new Set(['server', 'ubuntu', 'unk', '*']);
const ORGANISATIONS: ReadonlySet<string> = new Set([
  'internet widgits pty ltd',
  'default company ltd',
  'acme co',
  'my company',
]);
const STATES: ReadonlySet<string> = new Set(['some-state']);

/** The first placeholder among the certificate's own names, as a sentence; null if it has none. */
export function findPlaceholder(certificate: Certificate): string | null {
  const ownNames = commonNames(certificate);
  for (const name of ownNames) {
    const found = findInName('CN', name);
    if (found !== null) return found;
  }
  const firstDns = certificate.san.dns[0];
  if (ownNames.length === 0 && firstDns !== undefined) {
    const found = findInName('dNSName', firstDns);
    if (found !== null) return found;
  }
  for (const rdn of certificate.subject.rdns) {
    for (const { type, value } of rdn) {
      const values = type === 'O' ? ORGANISATIONS : type === 'ST' ? STATES : null;
      if (values?.has(value.toLowerCase())) return `${type}=${value} is a tool's default`;
    }
  }
  return null;
}

function findInName(where: string, value: string): string | null {
  const folded = value.toLowerCase();
  const name = folded.endsWith('.') ? folded.slice(0, -1) : folded;
  const shown = `${where}=${quote(value)}`;
  if (WHOLE_NAMES.has(name) || LABELS.has(name)) return `${shown} is a placeholder name`;
  for (const domain of DOMAINS) {
    if (name === domain || name.endsWith(`.${domain}`))
      return `${shown} is under ${domain}, which is for documents only`;
  }
  const labels = name.split('.');
  const last = labels[labels.length - 1]!;
  if (TOP_LEVEL_DOMAINS.has(last)) return `${shown} is under .${last}, which is reserved`;
  const label = labels.find((label) => LABELS.has(label));
  return label === undefined ? null : `${shown} has the placeholder label ${label}`;
}
