/** A finding where there is no table. */
import type { Finding } from '../sensor/finding.ts';

/** One line of `key=value` for pipes and logs; what may hold a space is quoted as JSON quotes. */
export function toFindingLine(finding: Finding): string {
  const { time, level, score, client, server, sni, subject, issuer, why } = finding;
  const texts = { sni, subject, issuer, why };
  const quoted = Object.entries(texts).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
  return `time=${time} level=${level} score=${score} client=${client} server=${server} ${quoted.join(' ')}\n`;
}
