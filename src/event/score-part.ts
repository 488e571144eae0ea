/** What an event says of the detection. */
import type { DetectionScore } from '../score/score.ts';
import type { FieldWriter } from './field-writer.ts';
import { EventField } from './generated/fields.ts';

/** Install Digital Certificate: what the detection is for, whatever technique a single reason stands for. */
const INSTALL_DIGITAL_CERTIFICATE = 'T1608.003';

export function writeScore(w: FieldWriter, score: DetectionScore): void {
  w.uint(EventField.SelfSignedScore, score.selfSigned);
  w.uint(EventField.WeakCNScore, score.weakCn);
  w.uint(EventField.MismatchScore, score.mismatch);
  w.uint(EventField.CertRiskScore, score.risk);
  w.text(EventField.CertRiskLevel, score.level);
  if (score.reasons.length === 0) return;
  w.texts(
    EventField.risk_reasons,
    score.reasons.map((reason) => reason.id),
  );
  // A reason without weight is a remark, and accuses nobody.
  const techniques = score.reasons.filter((reason) => reason.weight > 0).map((reason) => reason.technique);
  if (techniques.length === 0) return;
  w.texts(EventField.mitre_attack_id, [...new Set([INSTALL_DIGITAL_CERTIFICATE, ...techniques])]);
}
