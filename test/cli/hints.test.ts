import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildPcap, type WirePacket } from '../../tools/make-pcap/capture-writer.ts';
import { snapPackets } from '../../tools/make-pcap/damage.ts';
import { buildIp, buildLink, buildUdp, LinkType } from '../../tools/make-pcap/packet-writer.ts';
import { TcpConversation } from '../../tools/make-pcap/tcp-conversation.ts';
import { readTinyCapture } from '../support/tiny-capture.ts';
import { capture, makeFolder, runFake } from './fake-io.ts';

const CLIENT = { ip: '192.0.2.10', port: 50_123 };
const SERVER = { ip: '198.51.100.7', port: 443 };
const MACS = { srcMac: '02:00:5e:00:00:01', dstMac: '02:00:5e:00:00:02' };
const PLAIN = new TextEncoder().encode('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(40));

function talk(): TcpConversation {
  const conversation = new TcpConversation({ client: CLIENT, server: SERVER });
  return conversation.open().send('client', PLAIN).send('server', PLAIN).close('client');
}

function ipPacket(protocol: number, payload: Uint8Array): WirePacket {
  const ip = buildIp({ src: CLIENT.ip, dst: SERVER.ip, protocol }, payload);
  return { tsNs: 1_793_696_400_000_000_000n, bytes: buildLink(LinkType.Ethernet, MACS, ip) };
}

async function notesOf(...paths: string[]): Promise<string[]> {
  const { stdout } = await runFake(['replay', ...paths]);
  return stdout.split('\n').filter((line) => line.startsWith('note: '));
}

function notesOfPackets(packets: readonly WirePacket[], linkType?: number): Promise<string[]> {
  const file = join(makeFolder(), 'x.pcap');
  writeFileSync(file, buildPcap(packets, linkType === undefined ? {} : { linkType }));
  return notesOf(file);
}

describe('the summary', () => {
  it('says that there is nothing in it', async () => {
    expect(await notesOfPackets([])).toEqual(['note: The captures hold no packet.']);
  });

  it('says that the snap length cut packets, and how to capture whole ones', async () => {
    const [note] = await notesOfPackets(snapPackets(talk().toPackets(), 96));
    expect(note).toBe(
      'note: 2 packets cut by the snap length, and certificates with them: capture with "tcpdump -s 0".',
    );
  });

  it('says that the link type is not read', async () => {
    const [note] = await notesOfPackets(talk().toPackets(), 147);
    expect(note).toMatch(/^note: \d+ packets of a link type that is not read\.$/);
  });

  it('says that the mirror port sends everything twice', async () => {
    const original = readTinyCapture(capture('wildcard.pcap'));
    const packets = original.packets.flatMap(({ at, end }, i) => {
      const packet = { tsNs: BigInt(i) * 1_000_000n, bytes: original.buf.subarray(at, end) };
      return [packet, packet];
    });
    const [note] = await notesOfPackets(packets);
    expect(note).toContain('1 of 1 handshake: packets came twice. The mirror port copies them on their way in and out');
    expect(await notesOf(capture('wildcard.pcap'))).toEqual([]);
  });

  it('says that there is no TLS in it, or no TCP', async () => {
    expect(await notesOf(capture('not-tls.pcap'))).toEqual([
      'note: There is no TLS handshake in it (1 connection). A capture that begins after its connections did shows none.',
    ]);
    const udp = buildUdp(CLIENT.ip, SERVER.ip, { srcPort: 5000, dstPort: 5001 }, PLAIN);
    const [note] = await notesOfPackets([ipPacket(17, udp)]);
    expect(note).toContain('There is no TCP in it, only UDP (1 packet)');
  });

  it('says that packets are encrypted below TLS', async () => {
    const [note] = await notesOfPackets([ipPacket(50, PLAIN)]);
    expect(note).toContain('1 packet encrypted below TLS');
  });

  it('says that a direction or a certificate is missing, and that TLS 1.3 hides certificates', async () => {
    expect(await notesOf(capture('lossy.pcap'))).toEqual([
      'note: 1 of 8 handshakes: only one direction was seen: check that the mirror port copies both, and that both ways of the traffic pass it.',
      'note: 1 handshake lost the certificate to missing packets (1,460 bytes are missing in all): the mirror port or the capture dropped them.',
    ]);
    expect(await notesOf(capture('tls13.pcap'))).toEqual([
      'note: 1 handshake hid the certificate, as TLS 1.3 does by design: their events have all the rest.',
    ]);
  });
});
