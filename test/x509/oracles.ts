/**
 * Two independent readers of the same bytes: OpenSSL, through `node:crypto`, and the ASN.1 tree of node-forge. Each function returns
 * what it disagrees on, one line each, as `field: theirs | ours`.
 */
import { createHash, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { toHex } from '../../src/bytes/hex.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import type { Name } from '../../src/x509/name.ts';
import { ATTRIBUTE_TYPES, KEY_PURPOSES } from '../../src/x509/oids.ts';

class Differences {
  readonly lines: string[] = [];

  expect(field: string, theirs: unknown, ours: unknown): void {
    const a = JSON.stringify(theirs);
    const b = JSON.stringify(ours);
    if (a !== b) this.lines.push(`${field}: ${a} | ${b}`);
  }
}

/** What OpenSSL reads differently; null where it refuses the certificate. */
export function differencesFromOpenSsl(der: Uint8Array, cert: Certificate): string[] | null {
  const theirs = openSslReading(der);
  if (theirs === null) return null;
  const differences = new Differences();
  differences.expect('subject', rfc4514Text(theirs.subject), cert.subject.text);
  differences.expect('issuer', rfc4514Text(theirs.issuer), cert.issuer.text);
  differences.expect('serial', octetsOf(theirs.serialNumber.toLowerCase()), cert.serialHex);
  differences.expect('not_before', Date.parse(theirs.validFrom) / 1000, cert.notBefore);
  differences.expect('not_after', Date.parse(theirs.validTo) / 1000, cert.notAfter);
  differences.expect('sha1', theirs.fingerprint.replaceAll(':', '').toLowerCase(), cert.sha1);
  differences.expect('sha256', theirs.fingerprint256.replaceAll(':', '').toLowerCase(), cert.sha256);
  differences.expect('san', altNameLines(theirs), ourAltNameLines(cert));
  const purposes = theirs.keyUsage as readonly string[] | undefined;
  differences.expect(
    'extended_key_usage',
    purposes?.map((oid) => KEY_PURPOSES.get(oid) ?? oid) ?? null,
    cert.extendedKeyUsage,
  );
  const canSign = cert.keyUsage === null || cert.keyUsage.includes('keyCertSign');
  differences.expect('ca', theirs.ca, cert.basicConstraints?.isCa === true && canSign);
  compareKey(theirs, der, cert, differences);
  return differences.lines;
}

function openSslReading(der: Uint8Array): X509Certificate | null {
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}

/** A number as OpenSSL writes it, with a minus where it is negative, as two's complement. */
function octetsOf(signedHex: string): string {
  if (!signedHex.startsWith('-')) return signedHex;
  const value = -BigInt(`0x${signedHex.slice(1)}`);
  let bits = 8;
  while (value < -(1n << BigInt(bits - 1))) bits += 8;
  return BigInt.asUintN(bits, value)
    .toString(16)
    .padStart(bits / 4, '0');
}

function compareKey(theirs: X509Certificate, der: Uint8Array, cert: Certificate, differences: Differences): void {
  let key: X509Certificate['publicKey'];
  try {
    key = theirs.publicKey;
  } catch {
    return;
  }
  const details = key.asymmetricKeyDetails;
  differences.expect('modulus_length', details?.modulusLength ?? cert.key.bits, cert.key.bits);
  differences.expect('exponent', details?.publicExponent?.toString() ?? '', cert.key.exponent);
  differences.expect('curve', details?.namedCurve ?? '', cert.key.curve);
  const spki = key.export({ type: 'spki', format: 'der' });
  // OpenSSL writes the key anew: where that is what was sent, its hash is ours.
  if (Buffer.from(der).includes(spki)) differences.expect('spki', sha256(spki), cert.key.spkiSha256);
  else differences.lines.push('spki: written otherwise by OpenSSL');
  if (cert.isSelfIssued) differences.expect('self_signed', theirs.verify(key), cert.isSelfSigned());
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** OpenSSL's lines, most general first, as RFC 4514 has them. Undefined is an empty name. */
function rfc4514Text(lines: string | undefined): string {
  if (lines === undefined) return '';
  return lines
    .split('\n')
    .toReversed()
    .join(',')
    .replaceAll(' + ', '+')
    .replaceAll(/(^|[,+])street=/g, '$1STREET=');
}

/** `DNS:a, IP Address:b`: the kinds that OpenSSL prints as text. */
function altNameLines(theirs: X509Certificate): string[] {
  const lines = (theirs.subjectAltName ?? '').split(', ').filter((line) => /^(DNS|IP Address|email|URI):/.test(line));
  return lines
    .map((line) => (line.startsWith('IP Address:') ? `IP Address:${plainIpv6(line.slice(11))}` : line))
    .toSorted();
}

function ourAltNameLines(cert: Certificate): string[] {
  const { dns, ip, email, uri } = cert.san;
  return [
    ...dns.map((name) => `DNS:${name}`),
    ...ip.map((name) => `IP Address:${plainIpv6(name)}`),
    ...email.map((name) => `email:${name}`),
    ...uri.map((name) => `URI:${name}`),
  ].toSorted();
}

/** An address in the form that URLs give it, whichever form it had. */
function plainIpv6(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
}

/** What the tree of node-forge says differently; null where forge refuses the DER. */
export function differencesFromForge(der: Uint8Array, cert: Certificate): string[] | null {
  const root = forgeTree(der);
  if (root === null) return null;
  const fields = children(children(root)[0]!);
  const hasVersion = fields[0]!.tagClass === forge.asn1.Class.CONTEXT_SPECIFIC;
  const [serial, , issuer, validity, subject, ...rest] = hasVersion ? fields.slice(1) : fields;
  const differences = new Differences();
  differences.expect('serial', hexOf(serial!), cert.serialDer);
  differences.expect('issuer', forgeName(issuer!), ourName(cert.issuer));
  differences.expect('subject', forgeName(subject!), ourName(cert.subject));
  const [notBefore, notAfter] = children(validity!);
  differences.expect('not_before', forgeTime(notBefore!), cert.notBefore);
  differences.expect('not_after', forgeTime(notAfter!), cert.notAfter);
  const wrapper = rest.find((node) => isContext(node, 3));
  const oids = wrapper === undefined ? [] : children(children(wrapper)[0]!).map((node) => oidOf(children(node)[0]!));
  differences.expect('extensions', oids, cert.extensionOids);
  return differences.lines;
}

function forgeTree(der: Uint8Array): forge.asn1.Asn1 | null {
  try {
    return forge.asn1.fromDer(Buffer.from(der).toString('latin1'), true);
  } catch {
    return null;
  }
}

function children(node: forge.asn1.Asn1): forge.asn1.Asn1[] {
  return Array.isArray(node.value) ? node.value : [];
}

function bytesOf(node: forge.asn1.Asn1): Buffer {
  return Buffer.from(typeof node.value === 'string' ? node.value : '', 'latin1');
}

function isContext(node: forge.asn1.Asn1, number: number): boolean {
  const tag: number = node.type;
  return node.tagClass === forge.asn1.Class.CONTEXT_SPECIFIC && tag === number;
}

function hexOf(node: forge.asn1.Asn1): string {
  return toHex(bytesOf(node));
}

function oidOf(node: forge.asn1.Asn1): string {
  return forge.asn1.derToOid(bytesOf(node).toString('latin1'));
}

/** Attributes as `oid=text`, control characters shown as we show them. */
function forgeName(node: forge.asn1.Asn1): string[][] {
  return children(node).map((set) =>
    children(set).map((attribute) => {
      const [type, value] = children(attribute);
      return `${oidOf(type!)}=${showControls(forgeText(value!))}`;
    }),
  );
}

function forgeText(node: forge.asn1.Asn1): string {
  // A BMPString is the one type that forge decodes by itself.
  if (node.type === forge.asn1.Type.BMPSTRING) return typeof node.value === 'string' ? node.value : '';
  return bytesOf(node).toString(node.type === forge.asn1.Type.UTF8 ? 'utf8' : 'latin1');
}

function showControls(text: string): string {
  return text.replaceAll(/[\p{Cc}]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

const OIDS = new Map(Array.from(ATTRIBUTE_TYPES, ([oid, name]) => [name, oid]));

function ourName(name: Name): string[][] {
  return name.rdns.map((rdn) => rdn.map(({ type, value }) => `${OIDS.get(type) ?? type}=${value}`));
}

function forgeTime(node: forge.asn1.Asn1): number {
  const text = bytesOf(node).toString('latin1');
  const date =
    node.type === forge.asn1.Type.UTCTIME ? forge.asn1.utcTimeToDate(text) : forge.asn1.generalizedTimeToDate(text);
  return date.getTime() / 1000;
}
