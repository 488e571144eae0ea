/** A handshake worth a line: what a person is shown of it. Plain data, so that it can come from another thread. */
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
