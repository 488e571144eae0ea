/** The terms of a filter: one row of a table for each word, with what may follow it. */
import { BlockList, isIP } from 'node:net';
import { escapeUnsafe } from '../bytes/text.ts';
import type { ConnectionFacts, EventFacts } from '../event/event-facts.ts';
import { CertVisibility, type Handshake } from '../tls/handshake.ts';
import { VERSION_NAMES } from '../tls/registry/generated/versions.ts';
import { versionName } from '../tls/registry/names.ts';
import type { Certificate, Chain } from '../x509/certificate.ts';
import { nearestName } from './nearest-name.ts';

type Predicate = (facts: EventFacts) => boolean;
type End = 'src' | 'dst' | null;

/** A value that its term can't use: a sentence for the user. */
export class TermProblem {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

interface Term {
  /** What has to follow, for an error. */
  readonly wants: string;
  build(value: string, end: End): Predicate | TermProblem;
}

const LEVELS = ['High', 'Medium', 'Low', 'None'];
const PROTOCOLS = ['tls', 'dtls', 'quic', 'sslv2'];
const MAX_PORT = 65_535;
const HASH = /^[0-9a-f]{8,64}$/i;
const PORTS = /^(\d{1,5})(?:-(\d{1,5}))?$/;
const DRAFT_VERSION = /^tlsv1\.3-(?:draft\d+|fb[0-9a-f]{2})$/i;

const TERMS: Readonly<Record<string, Term>> = {
  host: { wants: 'an IP address', build: buildHost },
  net: { wants: 'an IP address or a network as 192.0.2.0/24', build: buildNet },
  port: { wants: 'a port or a range as 8000-8999', build: buildPort },
  sni: {
    wants: 'a name, in which * stands for anything; "" for handshakes without one',
    build: (value) => buildText(value, (facts) => facts.handshake.clientHello?.serverName ?? ''),
  },
  subject: { wants: 'a part of the subject', build: (value) => buildPart(value, (leaf) => leaf.subject.text) },
  issuer: { wants: 'a part of the issuer', build: (value) => buildPart(value, (leaf) => leaf.issuer.text) },
  cert: { wants: 'the SHA-256, SHA-1 or MD5 of a certificate, or its beginning, 8 digits or more', build: buildCert },
  version: { wants: 'a version as TLSv1.2, or none where the server did not answer', build: buildVersion },
  visibility: {
    wants: `one of ${Object.values(CertVisibility).join(', ')}`,
    build: (value) => buildChoice(value, Object.values(CertVisibility), (facts) => facts.handshake.certVisibility),
  },
  protocol: {
    wants: `one of ${PROTOCOLS.join(', ')}`,
    build: (value) => buildChoice(value, PROTOCOLS, (facts) => facts.handshake.protocol),
  },
  level: {
    wants: `one of ${LEVELS.join(', ')}`,
    build: (value) => buildChoice(value, LEVELS, (facts) => facts.score.level),
  },
  reason: {
    wants: 'the id of a reason as self_signed',
    build: (value) => {
      const id = value.toLowerCase();
      return (facts) => facts.score.reasons.some((reason) => reason.id === id);
    },
  },
  ja3: {
    wants: 'a JA3 hash',
    build: (value) => buildText(value, (facts) => facts.handshake.clientHello?.shape.ja3 ?? ''),
  },
  ja3s: {
    wants: 'a JA3S hash',
    build: (value) => buildText(value, (facts) => facts.handshake.serverHello?.ja3s ?? ''),
  },
  ja4: {
    wants: 'a JA4 fingerprint, in which * stands for anything',
    build: (value) => buildText(value, (facts) => facts.handshake.clientHello?.shape.ja4 ?? ''),
  },
};

/** What follows `src` and `dst`. */
export const END_WORDS: ReadonlySet<string> = new Set(['host', 'net', 'port']);

/** Each term's word and what it wants. */
export const TERM_KEYS: ReadonlyMap<string, string> = new Map(
  Object.entries(TERMS).map(([key, term]): [string, string] => [key, term.wants]),
);

/** `key` is one of `TERM_KEYS`. */
export function buildTerm(key: string, end: End, value: string): Predicate | TermProblem {
  return TERMS[key]!.build(value, end);
}

/** A test of `CertRiskScore`; null where it can't be read. */
export function buildRiskTest(sign: string, number: string): Predicate | null {
  if (!/^\d{1,3}$/.test(number)) return null;
  const n = Number(number);
  switch (sign) {
    case '>=':
      return (facts) => facts.score.risk >= n;
    case '>':
      return (facts) => facts.score.risk > n;
    case '<=':
      return (facts) => facts.score.risk <= n;
    case '<':
      return (facts) => facts.score.risk < n;
    case '=':
      return (facts) => facts.score.risk === n;
    case '!=':
      return (facts) => facts.score.risk !== n;
    default:
      return null;
  }
}

function buildHost(value: string, end: End): Predicate | TermProblem {
  if (isIP(value) === 0) return refuseAddress(value);
  return buildNet(value, end);
}

function buildNet(value: string, end: End): Predicate | TermProblem {
  const [address = '', prefix, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return refuseAddress(address);
  const bits = family === 4 ? 32 : 128;
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) {
    return new TermProblem(`the length of a network of IPv${family} is 0 to ${bits}, not "${escapeUnsafe(prefix)}"`);
  }
  const list = new BlockList();
  list.addSubnet(address, prefix === undefined ? bits : Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  const holds = (ip: string): boolean => list.check(ip, ip.includes(':') ? 'ipv6' : 'ipv4');
  return atEnd(
    end,
    (c) => holds(c.srcIp),
    (c) => holds(c.destIp),
  );
}

function refuseAddress(value: string): TermProblem {
  return new TermProblem(`"${escapeUnsafe(value)}" is no IP address; names are found with sni`);
}

function buildPort(value: string, end: End): Predicate | TermProblem {
  const match = PORTS.exec(value);
  const first = Number(match?.[1] ?? Number.NaN);
  const last = Number(match?.[2] ?? first);
  if (!(first <= last && last <= MAX_PORT)) {
    return new TermProblem(`"${escapeUnsafe(value)}" is neither a port nor a range as 8000-8999`);
  }
  const holds = (port: number): boolean => port >= first && port <= last;
  return atEnd(
    end,
    (c) => holds(c.srcPort),
    (c) => holds(c.destPort),
  );
}

function atEnd(end: End, src: (c: ConnectionFacts) => boolean, dst: (c: ConnectionFacts) => boolean): Predicate {
  if (end === 'src') return ({ connection }) => src(connection);
  if (end === 'dst') return ({ connection }) => dst(connection);
  return ({ connection }) => src(connection) || dst(connection);
}

/** The whole text in any case, `*` standing for anything. */
function buildText(value: string, read: (facts: EventFacts) => string): Predicate {
  const wanted = value.toLowerCase();
  if (!wanted.includes('*')) return (facts) => read(facts).toLowerCase() === wanted;
  const parts = wanted.split('*');
  return (facts) => matchesParts(read(facts).toLowerCase(), parts);
}

/** The text between stars: the first and the last are tied to the ends, the others are met in order. Takes linear time. */
function matchesParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function buildPart(value: string, read: (leaf: Certificate) => string): Predicate {
  const wanted = value.toLowerCase();
  return ({ handshake }) => {
    const leaf = handshake.serverCertificates?.certificates[0];
    return leaf !== undefined && read(leaf).toLowerCase().includes(wanted);
  };
}

function buildCert(value: string): Predicate | TermProblem {
  const wanted = value.replaceAll(':', '').toLowerCase();
  if (!HASH.test(wanted)) return new TermProblem(`cert wants ${TERMS['cert']!.wants}, not "${escapeUnsafe(value)}"`);
  return ({ handshake }) => hasCertificate(handshake, wanted);
}

function hasCertificate(handshake: Handshake<Chain>, hash: string): boolean {
  for (const chain of [handshake.serverCertificates, handshake.clientCertificates]) {
    for (const { sha256, sha1, md5 } of chain?.certificates ?? []) {
      if (sha256.startsWith(hash) || sha1.startsWith(hash) || md5.startsWith(hash)) return true;
    }
  }
  return false;
}

function buildVersion(value: string): Predicate | TermProblem {
  const wanted = value.toLowerCase();
  if (wanted === 'none') return ({ handshake }) => handshake.serverHello === null;
  const names = [...VERSION_NAMES.values()];
  if (!wanted.includes('*') && !DRAFT_VERSION.test(wanted) && !names.some((name) => name.toLowerCase() === wanted)) {
    return refuseChoice(value, [...names, 'none']);
  }
  return buildText(value, ({ handshake: { serverHello } }) =>
    serverHello === null ? '' : versionName(serverHello.version),
  );
}

function buildChoice(
  value: string,
  choices: readonly string[],
  read: (facts: EventFacts) => string,
): Predicate | TermProblem {
  const choice = choices.find((one) => one.toLowerCase() === value.toLowerCase());
  return choice === undefined ? refuseChoice(value, choices) : (facts) => read(facts) === choice;
}

function refuseChoice(value: string, choices: readonly string[]): TermProblem {
  const near = nearestName(value, choices);
  const hint = near === null ? '' : `; did you mean "${near}"?`;
  return new TermProblem(`expected one of ${choices.join(', ')}, not "${escapeUnsafe(value)}"${hint}`);
}
