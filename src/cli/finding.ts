/** A handshake worth a line: what the table and the plain lines show of it. */
import type { EventFacts } from '../event/event-facts.ts';
import { MicrosClock } from '../event/time-text.ts';
import type { RiskLevel } from '../score/score.ts';

export interface Finding {
  /** ISO 8601 with microseconds. */
  readonly time: string;
  readonly client: string;
  readonly server: string;
  readonly sni: string;
  readonly subject: string;
  readonly issuer: string;
  readonly score: number;
  readonly level: RiskLevel;
  readonly why: string;
}

const clock = new MicrosClock();

export function toFinding({ connection: c, handshake, score }: EventFacts): Finding {
  const leaf = handshake.serverCertificates?.certificates[0];
  return {
    time: clock.toIso(handshake.clientHelloUs >= 0 ? handshake.clientHelloUs : Math.max(0, c.firstUs)),
    client: toEndpointText(c.srcIp, c.srcPort),
    server: toEndpointText(c.destIp, c.destPort),
    sni: handshake.clientHello?.serverName ?? '',
    subject: leaf?.subject.text ?? '',
    issuer: leaf?.issuer.text ?? '',
    score: score.risk,
    level: score.level,
    why: score.reasons.map((reason) => reason.sentence).join('; '),
  };
}

/** `192.0.2.1:443`, `[2001:db8::1]:443` */
export function toEndpointText(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** One line of `key=value` for pipes and logs; what may hold a space is quoted as JSON quotes. */
export function toFindingLine(finding: Finding): string {
  const { time, level, score, client, server, sni, subject, issuer, why } = finding;
  const texts = { sni, subject, issuer, why };
  const quoted = Object.entries(texts).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
  return `time=${time} level=${level} score=${score} client=${client} server=${server} ${quoted.join(' ')}\n`;
}
