/** One certificate for a person: every field, and what is wrong with it. */
import { toIsoSeconds } from '../event/time-text.ts';
import type { Certificate } from '../x509/certificate.ts';
import { TextBlock } from './text-block.ts';

const SECONDS_PER_DAY = 86_400;

/** `atUs` is the packet time of the handshake: validity is told for then, not for now. */
export function toCertificateText(title: string, certificate: Certificate, atUs: number): string {
  const c = certificate;
  const block = new TextBlock(title)
    .line('subject', c.subject.text || '(empty)')
    .line('issuer', c.issuer.text || '(empty)')
    .line('serial', c.serialHex === '' ? '' : `${c.serialHex.toUpperCase()} (${c.serialDecimal})`)
    .line('valid from', toIsoSeconds(c.notBefore) || c.notBeforeText)
    .line('valid to', toIsoSeconds(c.notAfter) || c.notAfterText)
    .line('at the handshake', toValidityText(c, atUs / 1e6));
  addNames(block, c);
  addKey(block, c);
  addExtensions(block, c);
  return block
    .line('version', c.version === 0 ? '' : String(c.version))
    .line('size', `${c.der.length} bytes`)
    .line('MD5', c.md5)
    .line('SHA-1', c.sha1)
    .line('SHA-256', c.sha256)
    .line('SHA-256 of the key', c.key.spkiSha256)
    .row('faults', c.faults)
    .toString();
}

function addNames(block: TextBlock, { san, hasSan }: Certificate): void {
  const names = [
    ...san.dns,
    ...san.ip.map((ip) => `IP:${ip}`),
    ...san.email.map((email) => `email:${email}`),
    ...san.uri.map((uri) => `URI:${uri}`),
    ...san.directory.map((name) => `DirName:${name}`),
    ...san.other,
  ];
  if (hasSan && names.length === 0) block.line('alternative names', '(the extension is there, and empty)');
  block.list('alternative names', names);
}

function addKey(block: TextBlock, c: Certificate): void {
  const { algorithm, bits, curve, exponent } = c.key;
  const details = [bits > 0 ? `${bits} bits` : '', curve, exponent === '' ? '' : `exponent ${exponent}`].filter(
    Boolean,
  );
  block.line('key', [algorithm, ...details].join(', ')).line('signature', c.signatureAlgorithm);
  if (c.innerSignatureAlgorithm !== c.signatureAlgorithm) block.line('signature, inside', c.innerSignatureAlgorithm);
  const isSelfSigned = c.isSelfSigned();
  block
    .line(
      'self-signed',
      isSelfSigned === null ? 'can not be told' : isSelfSigned ? 'yes, its own key verifies it' : 'no',
    )
    .flag('self-issued', c.isSelfIssued);
}

function addExtensions(block: TextBlock, c: Certificate): void {
  if (c.basicConstraints !== null) {
    const { isCa, pathLen } = c.basicConstraints;
    block.line('authority', `${isCa ? 'yes' : 'no'}${pathLen >= 0 ? `, path length ${pathLen}` : ''}`);
  }
  block
    .row('key usage', c.keyUsage ?? [])
    .row('extended key usage', c.extendedKeyUsage ?? [])
    .line('subject key id', c.subjectKeyId)
    .line('authority key id', c.authorityKeyId)
    .row('policies', c.policies)
    .list('OCSP', c.ocspUrls)
    .list('issuer at', c.caIssuerUrls)
    .list('CRL', c.crlUrls)
    .list(
      'SCT',
      c.scts.map(({ logId, timestampMs }) => `${toIsoSeconds(timestampMs / 1000)} log ${logId}`),
    )
    .row('extensions', c.extensionOids);
}

function toValidityText({ notBefore, notAfter }: Certificate, atSeconds: number): string {
  if (Number.isNaN(notBefore) || Number.isNaN(notAfter)) return '';
  const days = (seconds: number): string => `${Math.floor(seconds / SECONDS_PER_DAY)} days`;
  if (atSeconds < notBefore) return `not yet valid, for ${days(notBefore - atSeconds)}`;
  if (atSeconds > notAfter) return `expired, since ${days(atSeconds - notAfter)}`;
  return `valid, ${days(atSeconds - notBefore)} old, ${days(notAfter - atSeconds)} left`;
}
