/** One handshake for a person: all that was seen of it, in the order in which it happened, and what scoring makes of it. */
import { toHex } from '../bytes/hex.ts';
import { escapeUnsafe } from '../bytes/text.ts';
import type { ConnectionFacts, EventFacts } from '../event/event-facts.ts';
import { MicrosClock } from '../event/time-text.ts';
import type { DetectionScore } from '../score/score.ts';
import { toEndpointText } from '../sensor/finding.ts';
import type { ClientHello } from '../tls/client-hello.ts';
import type { Handshake } from '../tls/handshake.ts';
import {
  alertName,
  cipherSuiteName,
  compressionMethodName,
  extensionName,
  groupName,
  signatureSchemeName,
  versionName,
} from '../tls/registry/names.ts';
import type { ServerHello } from '../tls/server-hello.ts';
import type { Chain } from '../x509/certificate.ts';
import { toCertificateText } from './certificate-text.ts';
import { toBytesText, toCountOf } from './quantity-text.ts';
import { TextBlock } from './text-block.ts';

const clock = new MicrosClock();

const VISIBILITY: Readonly<Record<string, string>> = {
  clear: 'read whole',
  encrypted_tls13: 'encrypted, as TLS 1.3 does by design',
  resumed: 'none was sent: the handshake resumes an earlier one',
  lost: 'sent, but packets are missing from the capture',
  truncated: 'sent, but the snap length or a cap cut it',
  decrypted: 'read after decryption',
  none: 'none was sent, or the handshake ended before',
};

export function toHandshakeText({ connection, handshake, score, captureFile }: EventFacts): string {
  const h = handshake;
  const atUs = h.clientHelloUs >= 0 ? h.clientHelloUs : Math.max(0, connection.firstUs);
  const blocks = [toConnectionText(connection, captureFile, atUs), toCourseText(h)];
  if (h.clientHello !== null) blocks.push(toClientHelloText('Client hello', h.clientHello));
  if (h.helloRetryRequest !== null) blocks.push(toServerHelloText('Hello retry request', h.helloRetryRequest));
  if (h.secondClientHello !== null) blocks.push(toClientHelloText('Second client hello', h.secondClientHello));
  if (h.serverHello !== null) blocks.push(toServerHelloText('Server hello', h.serverHello));
  blocks.push(
    ...toChainTexts('Server', h.serverCertificates, atUs),
    ...toChainTexts('Client', h.clientCertificates, atUs),
  );
  blocks.push(toScoreText(score));
  return blocks.join('\n');
}

function toConnectionText(c: ConnectionFacts, captureFile: string, atUs: number): string {
  const withMac = (endpoint: string, mac: string): string => (mac === '' ? endpoint : `${endpoint}  (${mac})`);
  const ms = (us: number): string => (us < 0 ? '' : `${(us / 1000).toFixed(3)} ms`);
  return new TextBlock('Connection')
    .line('capture', escapeUnsafe(captureFile))
    .line('time', clock.toIso(atUs))
    .line('client', withMac(toEndpointText(c.srcIp, c.srcPort), c.srcMac))
    .line('server', withMac(toEndpointText(c.destIp, c.destPort), c.destMac))
    .line('transport', c.transport)
    .line('interface', c.networkInterface)
    .line('VLAN', c.vlanId < 0 ? '' : String(c.vlanId))
    .line('from the client', toSideText(c.packetsIn, c.bytesIn, c.missingPacketsIn, c.duplicatePacketsIn))
    .line('from the server', toSideText(c.packetsOut, c.bytesOut, c.missingPacketsOut, c.duplicatePacketsOut))
    .line('round trip, server', ms(c.serverRttUs))
    .line('round trip, client', ms(c.clientRttUs))
    .line('overlaps that differ', c.overlapConflicts > 0 ? String(c.overlapConflicts) : '')
    .line('reset', c.isReset ? 'before the handshake was done' : '')
    .toString();
}

function toSideText(packets: number, bytes: number, missing: number, duplicates: number): string {
  const parts = [toCountOf(packets, 'packet'), toBytesText(bytes)];
  if (missing > 0) parts.push(toCountOf(missing, 'gap'));
  if (duplicates > 0) parts.push(toCountOf(duplicates, 'duplicate'));
  return parts.join(', ');
}

function toCourseText(h: Handshake<Chain>): string {
  const durationUs = h.lastUs >= 0 && h.firstUs >= 0 ? h.lastUs - h.firstUs : -1;
  const alert = h.alert;
  return new TextBlock('Handshake')
    .line('protocol', h.protocol)
    .line('version', h.serverHello === null ? 'the server did not answer' : versionName(h.serverHello.version))
    .line('certificate', `${h.certVisibility}: ${VISIBILITY[h.certVisibility]!}`)
    .flag('complete', h.isEstablished)
    .line('resumed by', h.resumption === 'none' ? '' : h.resumption)
    .line('took', durationUs < 0 ? '' : `${(durationUs / 1000).toFixed(3)} ms`)
    .line('messages', h.history)
    .line('key exchange group', h.keyExchangeGroup < 0 ? '' : groupName(h.keyExchangeGroup))
    .line('encrypted flight', h.encryptedServerFlightBytes > 0 ? toCountOf(h.encryptedServerFlightBytes, 'byte') : '')
    .line('OCSP staple', h.ocspStapleBytes > 0 ? toCountOf(h.ocspStapleBytes, 'byte') : '')
    .line('session ticket', toTicketText(h))
    .flag('client cert. wanted', h.certificateRequest === null ? null : true)
    .line(
      'alert',
      alert === null ? '' : `${alertName(alert.description)}, from the ${alert.fromClient ? 'client' : 'server'}`,
    )
    .line('lost, client', h.lostClientBytes > 0 ? toCountOf(h.lostClientBytes, 'byte') : '')
    .line('lost, server', h.lostServerBytes > 0 ? toCountOf(h.lostServerBytes, 'byte') : '')
    .row('faults', h.faults)
    .toString();
}

function toTicketText({ sessionTicket }: Handshake<Chain>): string {
  if (sessionTicket === null) return '';
  return `${toCountOf(sessionTicket.sizeBytes, 'byte')}, for ${toCountOf(sessionTicket.lifetimeHint, 'second')}`;
}

function toClientHelloText(title: string, hello: ClientHello): string {
  const { shape } = hello;
  return new TextBlock(title)
    .line('server name (SNI)', hello.serverName || '(none)')
    .line('version field', versionName(shape.legacyVersion))
    .row('versions offered', shape.supportedVersions.map(versionName))
    .row('ALPN', shape.alpn)
    .list('cipher suites', shape.cipherSuites.map(cipherSuiteName))
    .list('extensions', (shape.extensions ?? []).map(extensionName))
    .row('groups', shape.groups.map(groupName))
    .row('key shares', shape.keyShareGroups.map(groupName))
    .list('signature schemes', shape.signatureSchemes.map(signatureSchemeName))
    .row('compression', shape.compressionMethods.map(compressionMethodName))
    .line('encrypted hello', shape.ech === 'none' ? '' : shape.ech)
    .line('session id', toHex(hello.sessionId))
    .line('session ticket', hello.ticketLen < 0 ? '' : hello.ticketLen === 0 ? 'asked for' : `${hello.ticketLen} bytes`)
    .line('PSK identities', hello.pskIdentities > 0 ? String(hello.pskIdentities) : '')
    .flag('early data', hello.hasEarlyData ? true : null)
    .line('random', toHex(hello.random))
    .line('size', toCountOf(hello.sizeBytes, 'byte'))
    .line('JA3', shape.ja3)
    .line('JA3 text', shape.ja3Text)
    .line('JA4', shape.ja4)
    .line('fault', hello.fault)
    .toString();
}

function toServerHelloText(title: string, hello: ServerHello): string {
  return new TextBlock(title)
    .line('version', versionName(hello.version))
    .line('version field', versionName(hello.legacyVersion))
    .line('cipher suite', hello.cipherSuite < 0 ? '' : cipherSuiteName(hello.cipherSuite))
    .line('compression', compressionMethodName(hello.compressionMethod))
    .line('ALPN', hello.alpn)
    .line('key share', hello.keyShareGroup < 0 ? '' : groupName(hello.keyShareGroup))
    .line('PSK chosen', hello.pskIndex < 0 ? '' : String(hello.pskIndex))
    .list('extensions', (hello.extensions ?? []).map(extensionName))
    .line('session id', toHex(hello.sessionId))
    .line('random', toHex(hello.random))
    .line('JA3S', hello.ja3s)
    .line('JA3S text', hello.ja3sText)
    .line('fault', hello.fault)
    .toString();
}

function toChainTexts(whose: 'Server' | 'Client', chain: Chain | null, atUs: number): string[] {
  if (chain === null) return [];
  const { certificates, dropped } = chain;
  const texts = certificates.map((certificate, i) =>
    toCertificateText(`${whose} certificate ${i + 1} of ${certificates.length}`, certificate, atUs),
  );
  if (dropped > 0) texts.push(`${toCountOf(dropped, 'more certificate')} could not be framed or came beyond the cap\n`);
  return texts;
}

function toScoreText(score: DetectionScore): string {
  const sum = `${score.selfSigned} self-signed + ${score.weakCn} placeholder name + ${score.mismatch} name mismatch`;
  const block = new TextBlock('Score')
    .line('CertRiskScore', `${score.risk} = ${sum}`)
    .line('CertRiskLevel', score.level);
  if (score.reasons.length === 0) block.line('why', 'nothing was found');
  return block
    .list(
      'why',
      score.reasons.map(({ id, weight, technique, sentence }) => `+${weight} ${id} (${technique}): ${sentence}`),
    )
    .toString();
}
