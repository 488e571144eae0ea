/**
 * What scoring says of one handshake: the five fields of the published detection (MITRE ATT&CK T1608.003), and why.
 *
 * Both modes use the same weights and the same scale. They differ in what counts as evidence: `faithful.ts` takes the words of
 * the search, `refined.ts` takes proof. The wider model of `risk_score` is a score of its own over the same facts and shares
 * only `Reason` with this one.
 */
import { MAX_QUOTED_LEN } from './limits.ts';

export interface DetectionScore {
  /** 3 or 0. */
  readonly selfSigned: number;
  /** 2 or 0. */
  readonly weakCn: number;
  /** 2 or 0. */
  readonly mismatch: number;
  /** The sum of the three: 0, 2, 3, 4, 5 or 7. */
  readonly risk: number;
  /** As the search's `case` gives it; only where the search would report the event (risk > 1), else `None`. */
  readonly level: RiskLevel;
  /** Each finding once, in order of weight. Empty when nothing was found. */
  readonly reasons: readonly Reason[];
}

export type RiskLevel = 'High' | 'Medium' | 'Low' | 'None';

export interface Reason {
  /** A key of `REASONS`. */
  readonly id: string;
  /** What it adds to `risk`; 0 for what is worth knowing but proves nothing. */
  readonly weight: number;
  /** ATT&CK technique. */
  readonly technique: string;
  /** For a person: `CN=localhost is a placeholder name`. Valid text, of bounded length. */
  readonly sentence: string;
}

export const ScoringMode = { Faithful: 'faithful', Refined: 'refined' } as const;
export type ScoringMode = (typeof ScoringMode)[keyof typeof ScoringMode];

/** Points of the published search. */
const SELF_SIGNED_POINTS = 3;
const WEAK_CN_POINTS = 2;
const MISMATCH_POINTS = 2;

/** Each reason's technique: making a certificate (T1587.003), installing it (T1608.003), standing in the middle (T1557). */
const REASONS = {
  self_signed: 'T1587.003',
  self_issued: 'T1587.003',
  placeholder_name: 'T1608.003',
  name_mismatch: 'T1557',
} as const;
type ReasonId = keyof typeof REASONS;

/** The score of a handshake in which there is nothing to find. */
export const NO_FINDING: DetectionScore = Object.freeze({
  selfSigned: 0,
  weakCn: 0,
  mismatch: 0,
  risk: 0,
  level: 'None',
  reasons: Object.freeze([]),
});

/** Sentences of what was found; null where it was not. */
export interface Findings {
  /** Counts as self-signed. */
  readonly selfSigned: Reason | null;
  readonly placeholder: Reason | null;
  readonly mismatch: Reason | null;
  /** Worth a sentence, worth no points. */
  readonly remark: Reason | null;
}

/** Adds up what was found. */
export function buildScore(found: Findings): DetectionScore {
  const reasons: Reason[] = [];
  for (const reason of [found.selfSigned, found.placeholder, found.mismatch, found.remark]) {
    if (reason !== null) reasons.push(reason);
  }
  if (reasons.length === 0) return NO_FINDING;
  const selfSigned = found.selfSigned?.weight ?? 0;
  const weakCn = found.placeholder?.weight ?? 0;
  const mismatch = found.mismatch?.weight ?? 0;
  const risk = selfSigned + weakCn + mismatch;
  return { selfSigned, weakCn, mismatch, risk, level: levelOf(risk), reasons };
}

export function selfSignedReason(sentence: string): Reason {
  return reason('self_signed', SELF_SIGNED_POINTS, sentence);
}

/** Equal names: three points to the search, none to who asks for proof. */
export function selfIssuedReason(sentence: string, countsAsSelfSigned: boolean): Reason {
  return reason('self_issued', countsAsSelfSigned ? SELF_SIGNED_POINTS : 0, sentence);
}

export function placeholderReason(sentence: string): Reason {
  return reason('placeholder_name', WEAK_CN_POINTS, sentence);
}

export function mismatchReason(sentence: string): Reason {
  return reason('name_mismatch', MISMATCH_POINTS, sentence);
}

/** The search's `case`, after its `where CertRiskScore > 1`. */
function levelOf(risk: number): RiskLevel {
  if (risk >= 5) return 'High';
  if (risk >= 3) return 'Medium';
  return risk > 1 ? 'Low' : 'None';
}

/** Text of a stranger's choice, cut to what a sentence can bear and never in the middle of a character. */
export function quote(text: string): string {
  if (text.length <= MAX_QUOTED_LEN) return text;
  const last = text.charCodeAt(MAX_QUOTED_LEN - 1);
  const isHighSurrogate = last >= 0xd800 && last <= 0xdbff;
  return `${text.slice(0, isHighSurrogate ? MAX_QUOTED_LEN - 1 : MAX_QUOTED_LEN)}…`;
}

function reason(id: ReasonId, weight: number, sentence: string): Reason {
  return { id, weight, technique: REASONS[id], sentence };
}
