/**
 * The five fields and weights of the published search, computed from proof, on any port.
 *
 *     SelfSignedScore   3   the certificate's own key verifies its signature
 *     WeakCNScore       2   a placeholder is the certificate's own name (`placeholder.ts`)
 *     MismatchScore     2   the client sent a name and the certificate does not cover it (`host-name.ts`)
 *
 * Equal names without such proof (another key signed it, or the algorithm can't be checked) are a remark, `self_issued`, of
 * weight 0: it neither raises the score nor hides what the search would have counted. A signature of its own under an
 * issuer that is another name is self-signed all the same.
 *
 * Without a certificate there is nothing to prove: zeros and no reason. Without SNI there is no mismatch.
 */
import type { Certificate } from '../x509/certificate.ts';
import { coversHost, type PresentedNames, toPresentedNames } from './host-name.ts';
import { findPlaceholder } from './placeholder.ts';
import {
  buildScore,
  type DetectionScore,
  mismatchReason,
  placeholderReason,
  quote,
  type Reason,
  selfIssuedReason,
  selfSignedReason,
} from './score.ts';

/** What there is to say of a certificate whoever asks for it, and what answers the rest. */
export interface CertificateFindings {
  readonly selfSigned: Reason | null;
  readonly selfIssued: Reason | null;
  readonly placeholder: Reason | null;
  readonly names: PresentedNames;
  /** The score of a handshake that asks for a name the certificate covers, or for none. */
  readonly whenCovered: DetectionScore;
}

/** Everything that does not depend on the client. Verifies a signature (up to 0.4 ms): once per certificate. */
export function findInCertificate(leaf: Certificate): CertificateFindings {
  const isSelfSigned = leaf.isSelfSigned();
  const selfSigned = isSelfSigned === true ? selfSignedReason(sentenceOfSelfSigned(leaf)) : null;
  const selfIssued =
    isSelfSigned !== true && leaf.isSelfIssued
      ? selfIssuedReason(sentenceOfSelfIssued(leaf, isSelfSigned), false)
      : null;
  const placeholderSentence = findPlaceholder(leaf);
  const placeholder = placeholderSentence === null ? null : placeholderReason(placeholderSentence);
  return {
    selfSigned,
    selfIssued,
    placeholder,
    names: toPresentedNames(leaf),
    whenCovered: buildScore({ selfSigned, placeholder, mismatch: null, remark: selfIssued }),
  };
}

/** The score of a handshake that asked `serverName` (empty: none) and got the certificate of `found`. */
export function buildRefinedScore(found: CertificateFindings, serverName: string): DetectionScore {
  if (serverName === '' || coversHost(found.names, serverName)) return found.whenCovered;
  return buildScore({
    selfSigned: found.selfSigned,
    placeholder: found.placeholder,
    mismatch: mismatchReason(`no name of the certificate covers ${quote(serverName)}`),
    remark: found.selfIssued,
  });
}

function sentenceOfSelfSigned(leaf: Certificate): string {
  return leaf.isSelfIssued
    ? "the certificate's own key verifies its signature"
    : `the certificate's own key verifies its signature, though it names another issuer: ${quote(leaf.issuer.text)}`;
}

function sentenceOfSelfIssued(leaf: Certificate, verdict: false | null): string {
  return verdict === false
    ? 'subject and issuer are the same name, but another key signed it'
    : `subject and issuer are the same name, but a signature of ${quote(leaf.signatureAlgorithm)} could not be checked`;
}
