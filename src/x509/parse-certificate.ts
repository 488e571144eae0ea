/**
 * A certificate from its DER: hashes first, then every field that can be read, and the names of what a strict parser
 * would have refused.
 *
 * Never throws, and never gives up on what stands before or beside a fault. The bytes are copied once, here; the result owns
 * them, and borrows nothing. Trust is not judged: no chain, no dates against a clock, no revocation.
 */
import { hash } from 'node:crypto';
import { Cursor } from '../bytes/cursor.ts';
import { checkSignatureParameters, readAlgorithm, signatureAlgorithmName } from './algorithm.ts';
import { readUnusedBits } from './bit-string.ts';
import type { Certificate, SubjectPublicKey } from './certificate.ts';
import type { Layout } from './certificate-layout.ts';
import { contentOf, type Element, expectEnd, readElement, readExpected, Tag } from './der.ts';
import { NO_SERIAL, readSerial, readSmallInteger, type Serial } from './der-integer.ts';
import { type DerTime, NO_TIME, readTime } from './der-time.ts';
import { type Extensions, noExtensions, readExtensions } from './extensions.ts';
import { FaultList, type X509Fault } from './faults.ts';
import { findLayout } from './find-layout.ts';
import { EMPTY_NAME, type Name, readName } from './name.ts';
import { NO_KEY, readPublicKey } from './public-key.ts';
import { type SignedParts, verifiesWithOwnKey } from './self-signed.ts';

/** Reads a certificate. The bytes are borrowed for the call. */
export function parseCertificate(der: Uint8Array): Certificate {
  const own = new Uint8Array(der);
  const faults = new FaultList();
  const layout = findLayout(own, faults);
  const c = new Cursor(own);
  const version = readVersion(c, layout, faults);
  const signature = readSignature(c, layout, faults);
  const serial = layout.serial?.tag === Tag.Integer ? readSerial(contentOf(c, layout.serial), faults) : NO_SERIAL;
  const issuer = layout.issuer === null ? EMPTY_NAME : readName(contentOf(c, layout.issuer), faults);
  if (layout.issuer !== null && issuer.rdns.length === 0) faults.add('empty_issuer');
  const validity = readValidity(c, layout.validity, faults);
  const subject = layout.subject === null ? EMPTY_NAME : readName(contentOf(c, layout.subject), faults);
  const key = layout.publicKey === null ? NO_KEY : readPublicKey(c, layout.publicKey, faults);
  const extensions = layout.extensions === null ? noExtensions() : readWrapped(c, layout.extensions, faults);
  if (version < 3 && layout.extensions !== null && version > 0) faults.add('extensions_without_v3');
  if (version === 1 && layout.uniqueIds) faults.add('unique_id_in_v1');
  const isSelfIssued = isSameElement(own, layout.subject, layout.issuer);
  const facts = { version, serial, issuer, validity, subject, key, signature, extensions, isSelfIssued };
  return new ParsedCertificate(own, facts, signedParts(own, layout, signature.outerOid), faults.names);
}

interface Validity {
  readonly notBefore: DerTime;
  readonly notAfter: DerTime;
}

interface SignatureAlgorithms {
  readonly outerOid: string;
  readonly innerOid: string;
}

interface CertificateFacts {
  readonly version: number;
  readonly serial: Serial;
  readonly issuer: Name;
  readonly validity: Validity;
  readonly subject: Name;
  readonly key: SubjectPublicKey;
  readonly signature: SignatureAlgorithms;
  readonly extensions: Extensions;
  readonly isSelfIssued: boolean;
}

/** The facts, laid out as the other rooms read them; the one thing computed later is the self-signature. */
class ParsedCertificate implements Certificate {
  readonly der: Uint8Array;
  readonly md5: string;
  readonly sha1: string;
  readonly sha256: string;
  readonly version: number;
  readonly serialDer: string;
  readonly serialHex: string;
  readonly serialDecimal: string;
  readonly subject: Name;
  readonly issuer: Name;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly notBeforeText: string;
  readonly notAfterText: string;
  readonly key: SubjectPublicKey;
  readonly signatureAlgorithm: string;
  readonly innerSignatureAlgorithm: string;
  readonly san: Certificate['san'];
  readonly hasSan: boolean;
  readonly basicConstraints: Certificate['basicConstraints'];
  readonly keyUsage: Certificate['keyUsage'];
  readonly extendedKeyUsage: Certificate['extendedKeyUsage'];
  readonly subjectKeyId: string;
  readonly authorityKeyId: string;
  readonly policies: readonly string[];
  readonly ocspUrls: readonly string[];
  readonly caIssuerUrls: readonly string[];
  readonly crlUrls: readonly string[];
  readonly scts: Certificate['scts'];
  readonly extensionOids: readonly string[];
  readonly isSelfIssued: boolean;
  readonly faults: readonly X509Fault[];
  readonly #signed: SignedParts | null;
  #selfSigned: boolean | null | undefined;

  constructor(der: Uint8Array, facts: CertificateFacts, signed: SignedParts | null, faults: readonly X509Fault[]) {
    const { serial, validity, signature, extensions } = facts;
    this.der = der;
    this.md5 = hash('md5', der, 'hex');
    this.sha1 = hash('sha1', der, 'hex');
    this.sha256 = hash('sha256', der, 'hex');
    this.version = facts.version;
    this.serialDer = serial.der;
    this.serialHex = serial.hex;
    this.serialDecimal = serial.decimal;
    this.subject = facts.subject;
    this.issuer = facts.issuer;
    this.notBefore = validity.notBefore.seconds;
    this.notAfter = validity.notAfter.seconds;
    this.notBeforeText = validity.notBefore.text;
    this.notAfterText = validity.notAfter.text;
    this.key = facts.key;
    this.signatureAlgorithm = signatureAlgorithmName(signature.outerOid);
    this.innerSignatureAlgorithm = signatureAlgorithmName(signature.innerOid);
    this.san = extensions.san;
    this.hasSan = extensions.hasSan;
    this.basicConstraints = extensions.basicConstraints;
    this.keyUsage = extensions.keyUsage;
    this.extendedKeyUsage = extensions.extendedKeyUsage;
    this.subjectKeyId = extensions.subjectKeyId;
    this.authorityKeyId = extensions.authorityKeyId;
    this.policies = extensions.policies;
    this.ocspUrls = extensions.ocspUrls;
    this.caIssuerUrls = extensions.caIssuerUrls;
    this.crlUrls = extensions.crlUrls;
    this.scts = extensions.scts;
    this.extensionOids = extensions.extensionOids;
    this.isSelfIssued = facts.isSelfIssued;
    this.faults = faults;
    this.#signed = signed;
  }

  isSelfSigned(): boolean | null {
    if (this.#selfSigned === undefined) this.#selfSigned = this.#verify();
    return this.#selfSigned;
  }

  #verify(): boolean | null {
    if (this.#signed === null) return null;
    return this.isSelfIssued ? verifiesWithOwnKey(this.#signed, this.key) : false;
  }
}

/** 1, 2 or 3; 0 where it can't be read. */
function readVersion(c: Cursor, layout: Layout, faults: FaultList): number {
  if (layout.version === null) return layout.serial === null ? 0 : 1;
  const wrapper = contentOf(c, layout.version);
  const element = readExpected(wrapper, Tag.Integer, faults);
  expectEnd(wrapper, faults);
  const value = element === null ? Number.NaN : readSmallInteger(contentOf(c, element), faults);
  if (value === 0) faults.add('der_default_encoded');
  if (value >= 0 && value <= 2) return value + 1;
  faults.add('bad_version');
  return 0;
}

function readSignature(c: Cursor, layout: Layout, faults: FaultList): SignatureAlgorithms {
  const { innerAlgorithm, outerAlgorithm, signature } = layout;
  const inner = innerAlgorithm === null ? null : readAlgorithm(contentOf(c, innerAlgorithm), faults);
  if (inner !== null) checkSignatureParameters(c, inner, faults);
  if (signature?.tag === Tag.BitString && readUnusedBits(contentOf(c, signature), faults) > 0)
    faults.add('bad_signature_bits');
  if (outerAlgorithm === null) return { outerOid: '', innerOid: inner?.oid ?? '' };
  const outer = readAlgorithm(contentOf(c, outerAlgorithm), faults);
  if (!isSameElement(c.buf, innerAlgorithm, outerAlgorithm)) faults.add('inner_outer_algorithm_differ');
  return { outerOid: outer.oid, innerOid: inner?.oid ?? '' };
}

function readValidity(c: Cursor, validity: Element | null, faults: FaultList): Validity {
  if (validity === null) return { notBefore: NO_TIME, notAfter: NO_TIME };
  const inner = contentOf(c, validity);
  const before = readElement(inner, faults);
  const after = readElement(inner, faults);
  expectEnd(inner, faults);
  if (before === null || after === null) faults.add('der_unexpected_tag');
  return {
    notBefore: before === null ? NO_TIME : readTime(inner, before, faults),
    notAfter: after === null ? NO_TIME : readTime(inner, after, faults),
  };
}

function readWrapped(c: Cursor, wrapper: Element, faults: FaultList): Extensions {
  const outer = contentOf(c, wrapper);
  const list = readExpected(outer, Tag.Sequence, faults);
  expectEnd(outer, faults);
  return list === null ? noExtensions() : readExtensions(contentOf(c, list), faults);
}

function isSameElement(der: Uint8Array, a: Element | null, b: Element | null): boolean {
  if (a === null || b === null) return false;
  return Buffer.compare(der.subarray(a.at, a.end), der.subarray(b.at, b.end)) === 0;
}

/** What a verification needs, if all of it is whole. */
function signedParts(der: Uint8Array, layout: Layout, algorithmOid: string): SignedParts | null {
  const { tbs, publicKey, signature, issuer, subject } = layout;
  if (tbs === null || publicKey === null || signature === null || issuer === null || subject === null) return null;
  if (tbs.isCut || signature.isCut || signature.tag !== Tag.BitString) return null;
  return {
    der,
    tbs: der.subarray(tbs.at, tbs.end),
    spki: der.subarray(publicKey.at, publicKey.end),
    signature: der.subarray(signature.contentAt + 1, signature.contentEnd),
    algorithmOid,
  };
}
