/**
 * What is wrong with a server's certificate, each thing under its own name; the handshake itself would tell only the first. Of the chain
 * OpenSSL names one fault: a date hides who signed it, and a certificate that has to be renewed is looked at again anyway.
 */
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';

import { escapeUnsafe } from '../../bytes/text.ts';
import { type Diagnosis, diagnosis, type FindingId } from './diagnosis.ts';

/** OpenSSL's verification errors, as Node names them, apart from those of the dates. */
const CHAIN_FAULTS: ReadonlyMap<string, FindingId> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self_signed'],
  ['CERT_HAS_EXPIRED', 'certificate_expired'],
  ['CERT_NOT_YET_VALID', 'certificate_not_yet_valid'],
]);
const MAX_NAMES = 5;

export function diagnoseCertificate(socket: TLSSocket, name: string, nowMs: number): Diagnosis[] {
  const certificate = socket.getPeerCertificate();
  const found: Diagnosis[] = [];
  const { authorizationError } = socket;
  // Typed as an Error, but Node gives the code as text.
  const code = authorizationError instanceof Error ? authorizationError.message : String(authorizationError ?? '');
  const chainFault =
    code === '' || code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? null : (CHAIN_FAULTS.get(code) ?? 'unknown_ca');
  if (chainFault === 'self_signed')
    found.push(diagnosis('self_signed', `The server's certificate (${nameOf(certificate)}) is signed by itself.`));
  if (chainFault === 'unknown_ca')
    found.push(
      diagnosis(
        'unknown_ca',
        `The CA of the server's certificate (${issuerOf(certificate)}) is not known here: ${code}.`,
      ),
    );
  if (chainFault === 'certificate_expired' || Date.parse(certificate.valid_to) < nowMs)
    found.push(diagnosis('certificate_expired', `A certificate of the server has expired: ${certificate.valid_to}.`));
  if (chainFault === 'certificate_not_yet_valid' || Date.parse(certificate.valid_from) > nowMs)
    found.push(
      diagnosis(
        'certificate_not_yet_valid',
        `A certificate of the server is not yet valid: ${certificate.valid_from}.`,
      ),
    );
  if (checkServerIdentity(name, certificate) !== undefined)
    found.push(diagnosis('name_mismatch', `The certificate is for ${namesOf(certificate)}, not for ${name}.`));
  return found;
}

function namesOf(certificate: PeerCertificate): string {
  const names = (certificate.subjectaltname ?? '').split(', ').filter((one) => one !== '');
  if (names.length === 0) return nameOf(certificate);
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return (
    escapeUnsafe(
      names
        .slice(0, MAX_NAMES)
        .join(', ')
        .replaceAll(/DNS:|IP Address:/g, ''),
    ) + more
  );
}

/** Typed as there, but a certificate may have no common name. */
function nameOf(certificate: PeerCertificate): string {
  return escapeUnsafe(String(certificate.subject?.CN ?? 'without a common name'));
}

function issuerOf(certificate: PeerCertificate): string {
  return escapeUnsafe(String(certificate.issuer?.CN ?? certificate.issuer?.O ?? 'without a name'));
}
