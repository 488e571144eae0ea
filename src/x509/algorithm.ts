/**
 * AlgorithmIdentifier, and the parameters of the one algorithm that keeps its digest in them.
 *
 *     AlgorithmIdentifier   SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }
 *     RSASSA-PSS-params     SEQUENCE { [0] hash, [1] SEQUENCE { mgf1, hash }, [2] salt length, [3] trailer }   all optional
 *
 * RFC 5280 4.1.1.2, RFC 4055 3.1. Parameters without the digest inside mgf1 once crashed OpenSSL (CVE-2015-3194).
 */
import type { Cursor } from '../bytes/cursor.ts';
import { contentOf, contextTag, type Element, expectEnd, readElement, readExpected, readOptional, Tag } from './der.ts';
import type { FaultList } from './faults.ts';
import { readOid } from './oid.ts';
import { SIGNATURE_ALGORITHMS } from './oids.ts';

const RSASSA_PSS = '1.2.840.113549.1.1.10';

export interface Algorithm {
  readonly oid: string;
  /** The whole element of the parameters, or null without any. */
  readonly parameters: Element | null;
}

/** Reads the content of an AlgorithmIdentifier. */
export function readAlgorithm(c: Cursor, faults: FaultList): Algorithm {
  const type = readExpected(c, Tag.Oid, faults);
  const oid = type === null ? '' : readOid(contentOf(c, type), faults);
  const parameters = readElement(c, faults);
  if (parameters?.tag === Tag.Null && parameters.contentEnd > parameters.contentAt) faults.add('der_bad_null');
  expectEnd(c, faults);
  return { oid, parameters };
}

/** As OpenSSL names it, the dotted OID where unknown. */
export function signatureAlgorithmName(oid: string): string {
  return SIGNATURE_ALGORITHMS.get(oid)?.name ?? oid;
}

/** Records parameters that the signature algorithm can't have. */
export function checkSignatureParameters(c: Cursor, algorithm: Algorithm, faults: FaultList): void {
  const { oid, parameters } = algorithm;
  if (oid === RSASSA_PSS && !isPssForm(c, parameters, faults)) faults.add('bad_algorithm_parameters');
}

function isPssForm(c: Cursor, parameters: Element | null, faults: FaultList): boolean {
  if (parameters?.tag !== Tag.Sequence) return false;
  const inner = contentOf(c, parameters);
  const hash = readOptional(inner, contextTag(0, true), faults);
  if (hash !== null && !isHash(contentOf(c, hash), faults)) return false;
  const mask = readOptional(inner, contextTag(1, true), faults);
  if (mask !== null && !isMaskGeneration(contentOf(c, mask), faults)) return false;
  for (const number of [2, 3]) {
    const field = readOptional(inner, contextTag(number, true), faults);
    if (field !== null && readElement(contentOf(c, field), faults)?.tag !== Tag.Integer) return false;
  }
  return inner.remaining === 0;
}

function isHash(c: Cursor, faults: FaultList): boolean {
  const element = readElement(c, faults);
  return element?.tag === Tag.Sequence && readAlgorithm(contentOf(c, element), faults).oid !== '';
}

function isMaskGeneration(c: Cursor, faults: FaultList): boolean {
  const element = readElement(c, faults);
  if (element?.tag !== Tag.Sequence) return false;
  const { parameters } = readAlgorithm(contentOf(c, element), faults);
  if (parameters?.tag !== Tag.Sequence) return false;
  return readAlgorithm(contentOf(c, parameters), faults).oid !== '';
}
