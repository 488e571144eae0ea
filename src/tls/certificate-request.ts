/**
 * CertificateRequest, in its three forms.
 *
 *     TLS 1.0, 1.1, SSL 3                 TLS 1.2                             TLS 1.3
 *     certificate_types       1 + n       certificate_types       1 + n       context       1 + n
 *                                         signature_algorithms    2 + 2 n     extensions    2 + n
 *     certificate_authorities 2 + n       certificate_authorities 2 + n         signature_algorithms, certificate_authorities
 *       DER name                2 + n       DER name                2 + n
 *
 * RFC 4346 7.4.4, RFC 5246 7.4.4, RFC 8446 4.3.2. Names are copied up to a cap and counted beyond it.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import { readCopy } from './copy-bytes.ts';
import type { CertificateRequest } from './handshake.ts';
import { isTls13 } from './is-tls13.ts';
import { MAX_AUTHORITIES, MAX_AUTHORITY_BYTES, MAX_EXTENSIONS, MAX_REQUEST_VALUES } from './limits.ts';
import { ExtensionType } from './registry/generated/extensions.ts';

export interface ParsedCertificateRequest extends CertificateRequest {
  /** All the authorities named, those left out of `authorities` included. */
  readonly authorityCount: number;
  readonly fault: string;
}

/** `version` is the one agreed on; numbers of DTLS and of drafts are understood. */
export function parseCertificateRequest(c: Cursor, version: number): ParsedCertificateRequest {
  const request = new RequestReader();
  if (isTls13(version)) request.readTls13(c);
  else {
    const outer = c.enter(c.u8());
    while (c.remaining > 0 && request.certificateTypes.length < MAX_REQUEST_VALUES)
      request.certificateTypes.push(c.u8());
    c.leave(outer);
    if (hasSignatureAlgorithms(version)) request.readSchemes(c);
    request.readAuthorities(c);
  }
  if (c.remaining > 0) c.fail(Fault.TrailingBytes);
  const { certificateTypes, signatureSchemes, authorities, authorityCount } = request;
  const fault = c.fault === Fault.None ? '' : FAULT_NAMES[c.fault]!;
  return { certificateTypes, signatureSchemes, authorities, authorityCount, fault };
}

class RequestReader {
  readonly certificateTypes: number[] = [];
  readonly signatureSchemes: number[] = [];
  readonly authorities: Uint8Array[] = [];
  authorityCount = 0;

  readTls13(c: Cursor): void {
    c.skip(c.u8());
    const outer = c.enter(c.u16());
    for (let n = 0; c.remaining > 0; n++) {
      if (n === MAX_EXTENSIONS) {
        c.fail(Fault.TooMany);
        return;
      }
      const type = c.u16();
      const extensionOuter = c.enter(c.u16());
      if (type === ExtensionType.SignatureAlgorithms) this.readSchemes(c);
      else if (type === ExtensionType.CertificateAuthorities) this.readAuthorities(c);
      c.leave(extensionOuter);
    }
    c.leave(outer);
  }

  readSchemes(c: Cursor): void {
    const outer = c.enter(c.u16());
    while (c.remaining > 1) {
      const scheme = c.u16();
      if (this.signatureSchemes.length < MAX_REQUEST_VALUES) this.signatureSchemes.push(scheme);
    }
    if (c.remaining > 0) c.fail(Fault.BadLength);
    c.leave(outer);
  }

  readAuthorities(c: Cursor): void {
    const outer = c.enter(c.u16());
    while (c.remaining > 0) {
      const len = c.u16();
      const isKept = this.authorities.length < MAX_AUTHORITIES && len <= MAX_AUTHORITY_BYTES;
      const name = isKept ? readCopy(c, len) : null;
      if (!isKept) c.skip(len);
      if (c.fault !== Fault.None) return;
      this.authorityCount += 1;
      if (name !== null) this.authorities.push(name);
    }
    c.leave(outer);
  }
}

/** Versions before 1.3 that name signature algorithms: TLS 1.2 and DTLS 1.2. */
function hasSignatureAlgorithms(version: number): boolean {
  return version === 0x0303 || version === 0xfefd;
}
