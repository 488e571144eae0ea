/**
 * Where the fields of a certificate are.
 *
 *     Certificate     SEQUENCE { tbsCertificate, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING }
 *     TBSCertificate  SEQUENCE {
 *       version            [0] INTEGER DEFAULT v1
 *       serialNumber       INTEGER
 *       signature          AlgorithmIdentifier
 *       issuer             Name
 *       validity           SEQUENCE { notBefore Time, notAfter Time }
 *       subject            Name
 *       subjectPublicKey   SubjectPublicKeyInfo
 *       issuerUniqueID     [1] BIT STRING OPTIONAL
 *       subjectUniqueID    [2] BIT STRING OPTIONAL
 *       extensions         [3] SEQUENCE OF Extension OPTIONAL }
 *
 * RFC 5280 4.1. `find-layout.ts` fills it in. Offsets into the borrowed certificate, nothing else.
 */
import type { Element } from './der.ts';

/** Offsets into the certificate; a field is null where it is absent or was not found. */
export interface Layout {
  /** The signed part with its header. */
  tbs: Element | null;
  /** The [0] wrapper. */
  version: Element | null;
  serial: Element | null;
  innerAlgorithm: Element | null;
  issuer: Element | null;
  validity: Element | null;
  subject: Element | null;
  publicKey: Element | null;
  uniqueIds: boolean;
  /** The [3] wrapper. */
  extensions: Element | null;
  outerAlgorithm: Element | null;
  signature: Element | null;
}

export function emptyLayout(): Layout {
  return {
    tbs: null,
    version: null,
    serial: null,
    innerAlgorithm: null,
    issuer: null,
    validity: null,
    subject: null,
    publicKey: null,
    uniqueIds: false,
    extensions: null,
    outerAlgorithm: null,
    signature: null,
  };
}
