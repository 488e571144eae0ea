/**
 * Does a certificate cover the name a client asked for? RFC 9525, read aloud:
 *
 *     presented   DNS-ID   dNSName of the SAN, possibly `*.` and a domain        6.3
 *                 IP-ID    iPAddress of the SAN, compared octet by octet         6.4
 *                 CN-ID    RFC 9525 took it out; RFC 6125 6.4.4 allows it where there is no SAN, and so do we
 *     reference   what SNI says: a host name, or (against RFC 6066 3) an address
 *
 * Labels are compared without regard to ASCII case, as A-labels: a U-label in SNI or in a CN is turned into its A-label first
 * (6.3); a dNSName is an IA5String (RFC 5280 4.2.1.6), so one that is not ASCII is no name. One trailing dot of an absolute
 * name is not part of it, on either side. A wildcard is the whole left-most label or it is a literal that
 * matches nothing: not `f*.example.com`, not `www.*.com`, not `xn--*.example.com`. It stands for exactly one label, so
 * `*.example.com` covers neither `example.com` nor `a.b.example.com`. `*.com` covers nothing: nobody can own it; there is no
 * list of public suffixes in this room, so `*.co.uk` is taken as it stands.
 *
 * An address is never compared with a dNSName, and a name with a `*` in SNI is no name.
 *
 * A certificate's names are folded once, into sets; a question then costs one look-up or two, whatever number of names it has.
 */
import type { Certificate } from '../x509/certificate.ts';
import { toIpKey } from './ip-text.ts';
import { MAX_COMMON_NAMES, MAX_HOST_LEN } from './limits.ts';

/** What a certificate presents, folded for comparison. */
export interface PresentedNames {
  readonly hosts: ReadonlySet<string>;
  /** What stands after `*.`. */
  readonly wildcardParents: ReadonlySet<string>;
  readonly addresses: ReadonlySet<string>;
}

/** The names of a certificate: those of its SAN, and its common names only where it has none. */
export function toPresentedNames(certificate: Certificate): PresentedNames {
  if (certificate.hasSan) return foldPresented(certificate.san.dns, certificate.san.ip);
  const names = commonNames(certificate);
  return foldPresented(
    names.filter((name) => toIpKey(name) === '').map(toALabels),
    names.filter((name) => toIpKey(name) !== ''),
  );
}

/** The common names of the subject, in DER order. */
export function commonNames(certificate: Certificate): string[] {
  const names: string[] = [];
  for (const rdn of certificate.subject.rdns) {
    for (const attribute of rdn) {
      if (attribute.type !== 'CN') continue;
      names.push(attribute.value);
      if (names.length === MAX_COMMON_NAMES) return names;
    }
  }
  return names;
}

/** Names in ASCII, with or without a wildcard, and addresses as text. What is neither is left out. */
export function foldPresented(dnsIds: readonly string[], ipIds: readonly string[]): PresentedNames {
  const hosts = new Set<string>();
  const wildcardParents = new Set<string>();
  const addresses = new Set<string>();
  for (const id of dnsIds) {
    if (id.startsWith('*.')) {
      const parent = foldHost(id.slice(2));
      if (parent.includes('.')) wildcardParents.add(parent);
    } else {
      const host = foldHost(id);
      if (host !== '') hosts.add(host);
    }
  }
  for (const id of ipIds) {
    const key = toIpKey(id);
    if (key !== '') addresses.add(key);
  }
  return { hosts, wildcardParents, addresses };
}

/** Whether one of the names covers `reference`, a host name or an address as text. What is neither is covered by none. */
export function coversHost(names: PresentedNames, reference: string): boolean {
  const address = toIpKey(reference);
  if (address !== '') return names.addresses.has(address);
  const host = foldHost(toALabels(reference));
  if (host === '') return false;
  if (names.hosts.has(host)) return true;
  const dot = host.indexOf('.');
  return dot > 0 && names.wildcardParents.has(host.slice(dot + 1));
}

/** A name in ASCII in lower case and without its trailing dot; empty where it is no name or holds a wildcard. */
function foldHost(text: string): string {
  const host = text.endsWith('.') ? text.slice(0, -1) : text;
  if (host === '' || host.length > MAX_HOST_LEN || host.includes('*') || !isAscii(host)) return '';
  return host.startsWith('.') || host.includes('..') || host.endsWith('.') ? '' : host.toLowerCase();
}

/** Added for the parser: under it a name that looks like an IPv4 number is still a name. */
const ALABEL_SUFFIX = '.invalid';

/**
 * A name with its U-labels turned into A-labels, by the platform's own UTS 46, reached through the parser of URLs; only what a
 * host name may hold is let in. ASCII stays as it is, and so does what can't be turned.
 */
function toALabels(name: string): string {
  if (isAscii(name) || name.length > MAX_HOST_LEN) return name;
  const wildcard = name.startsWith('*.') ? '*.' : '';
  const bare = name.slice(wildcard.length, name.endsWith('.') ? -1 : undefined);
  const url = `http://${bare}${ALABEL_SUFFIX}`;
  if (!/^[\p{L}\p{M}\p{N}._-]+$/u.test(bare) || !URL.canParse(url)) return name;
  return wildcard + new URL(url).hostname.slice(0, -ALABEL_SUFFIX.length);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
