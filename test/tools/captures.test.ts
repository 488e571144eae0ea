import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCapture } from '../../src/capture/open-capture.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { buildCapture, type ExpectedHandshake } from '../../tools/make-pcap/capture.ts';
import { buildPcap, buildPcapng, countPackets, type WirePacket } from '../../tools/make-pcap/capture-writer.ts';
import { VERSION_CAPTURES } from '../../tools/make-pcap/captures-versions.ts';
import { Lab, withLabFolder } from '../../tools/make-pcap/lab.ts';
import { LinkType } from '../../tools/make-pcap/packet-writer.ts';
import { TcpConversation } from '../../tools/make-pcap/tcp-conversation.ts';

const hasTshark = answers('tshark', '--version');
const hasOpenssl = answers('openssl', 'version');
const FOLDER = new URL('../../pcaps/', import.meta.url).pathname;

const FIELDS = [
  'tcp.stream',
  'tcp.dstport',
  'tls.handshake.type',
  'tls.handshake.extensions_server_name',
  'tls.handshake.version',
  'tls.handshake.extensions.supported_version',
  'x509sat.uTF8String',
  '_ws.malformed',
  'tcp.analysis.flags',
  'tcp.checksum.status',
  'ip.checksum.status',
] as const;
/** The values of a field in one packet. */
type Row = (field: (typeof FIELDS)[number]) => string[];

/** Packets that tshark finds fault with: malformed, a wrong checksum, or a place in the stream that it did not expect. */
const COMPLAINTS = '_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.analysis.flags';

const VERSION_NAMES: Readonly<Record<string, string>> = {
  '0x0301': 'TLSv1.0',
  '0x0302': 'TLSv1.1',
  '0x0303': 'TLSv1.2',
  '0x0304': 'TLSv1.3',
};

function answers(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    // Not installed: the tests below say that they were skipped, and why.
    return false;
  }
}

function tshark(path: string, ...args: string[]): string[] {
  const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
  const text = execFileSync('tshark', [...checks, '-r', path, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return text.split('\n').filter((line) => line !== '');
}

/** Handshake messages and complaints as tshark sees them, a row per packet that ends or has one. */
function tsharkRows(path: string): Row[] {
  const fields = FIELDS.flatMap((field) => ['-e', field]);
  const layout = ['-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=|'];
  return tshark(path, '-Y', `tls.handshake || ${COMPLAINTS}`, ...layout, ...fields).map((line) => {
    const cells = line.split('\t');
    return (field) => {
      const cell = cells[FIELDS.indexOf(field)];
      return cell ? cell.split('|') : [];
    };
  });
}

/** What tshark complains of in a row. */
function complaintsOf(row: Row): string[] {
  const sums = [...row('tcp.checksum.status'), ...row('ip.checksum.status')].filter((status) => status === '0');
  return [...row('_ws.malformed'), ...row('tcp.analysis.flags'), ...sums];
}

describe('the captures in pcaps/', () => {
  const expected: Record<string, ExpectedHandshake[]> = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8'));
  const files = Object.keys(expected);
  const intact = files.filter((file) => file !== 'lossy.pcap');

  it('are all there, and no others', () => {
    const there = readdirSync(FOLDER).filter((file) => /\.pcap(ng)?$/.test(file));
    expect(there.toSorted()).toEqual(files.toSorted());
  });

  it('have a row each in the README, with the right number of packets', () => {
    const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');
    for (const file of files) {
      const packets = countPackets(readFileSync(join(FOLDER, file)));
      const row = new RegExp(
        `^\\| \`${file.replaceAll('.', '\\.')}\` *\\| ${packets} *\\| ${expected[file]!.length} `,
        'm',
      );
      expect(readme).toMatch(row);
    }
  });

  it.each(files)('%s is read by the sensor to its end', async (file) => {
    const source = await openCapture(join(FOLDER, file));
    const block = new PacketBlock();
    let packets = 0;
    while (await source.next(block)) packets += block.count;
    await source.close();
    expect(source.fault).toBeNull();
    expect(packets).toBe(countPackets(readFileSync(join(FOLDER, file))));
  });

  it('hold no private key', () => {
    for (const file of files) expect(readFileSync(join(FOLDER, file)).includes('PRIVATE KEY')).toBe(false);
  });

  it.skipIf(!hasTshark).each(intact)(
    '%s shows tshark the handshakes of expected.json and nothing to complain of (needs tshark)',
    (file) => {
      const rows = tsharkRows(join(FOLDER, file));
      expect(rows.flatMap(complaintsOf)).toEqual([]);
      const streams = [...new Set(rows.map((row) => row('tcp.stream')[0]))];
      expect(streams).toHaveLength(expected[file]!.length);
      expected[file]!.forEach((handshake, i) => {
        const mine = rows.filter((row) => row('tcp.stream')[0] === streams[i]);
        const hello = mine[0]!;
        expect(hello('tls.handshake.type')).toEqual(['1']);
        expect(hello('tcp.dstport')).toEqual([String(handshake.dest_port)]);
        expect(hello('tls.handshake.extensions_server_name')[0] ?? null).toBe(handshake.ssl_server_name);
        const answer = mine.findLast((row) => row('tls.handshake.type').includes('2'));
        const version =
          answer?.('tls.handshake.extensions.supported_version')[0] ?? answer?.('tls.handshake.version')[0];
        expect(version === undefined ? null : VERSION_NAMES[version]).toBe(handshake.ssl_version);
        const hasCertificate = mine.some((row) => row('tls.handshake.type').includes('11'));
        expect(hasCertificate).toBe(handshake.cert_visibility === 'clear');
        const names = mine.flatMap((row) => row('x509sat.uTF8String'));
        const commonName = handshake.ssl_subject_common_name;
        expect(commonName === null || names.includes(commonName)).toBe(true);
      });
    },
  );

  it.skipIf(!hasTshark)('lossy.pcap has right checksums and shows tshark every server but one (needs tshark)', () => {
    const path = join(FOLDER, 'lossy.pcap');
    const rows = tsharkRows(path);
    expect(rows.flatMap((row) => [...row('tcp.checksum.status'), ...row('ip.checksum.status')])).not.toContain('0');
    // Shows too that the tests above would have seen a complaint.
    expect(rows.flatMap(complaintsOf)).not.toEqual([]);
    const names = rows.flatMap((row) => row('tls.handshake.extensions_server_name'));
    const wanted = expected['lossy.pcap']!.flatMap((handshake) => handshake.ssl_server_name ?? []);
    expect([...new Set(names)]).toEqual(wanted);
  });
});

describe('make-pcap', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'spanglass-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const LINKS = Object.entries(LinkType);
  const ENDS = {
    4: { client: { ip: '192.0.2.1', port: 50_000 }, server: { ip: '203.0.113.9', port: 4443 } },
    6: { client: { ip: '2001:db8::1', port: 50_000 }, server: { ip: '2001:db8::2', port: 4443 } },
  };

  function talkPackets(linkType: LinkType, version: 4 | 6, vlans: number[] = []): WirePacket[] {
    const talk = new TcpConversation({ ...ENDS[version], clientIsn: 0xffff_fff0 });
    talk.open().send('client', new Uint8Array(100)).send('server', new Uint8Array(5000)).close('server');
    return talk.toPackets(talk.segments, { linkType, vlans });
  }

  it.skipIf(!hasTshark).each(LINKS)(
    'writes link layer %s so that tshark finds no fault (needs tshark)',
    (name, linkType) => {
      for (const version of [4, 6] as const) {
        const packets = talkPackets(linkType, version);
        const path = join(folder, `${name}-${version}.pcap`);
        writeFileSync(path, buildPcap(packets, { linkType, isNano: version === 6, isBigEndian: version === 6 }));
        const fields = ['-e', 'tcp.checksum.status', '-e', 'tcp.analysis.flags', '-e', '_ws.malformed'];
        const rows = tshark(path, '-T', 'fields', '-E', 'separator=,', ...fields);
        expect(rows).toEqual(packets.map(() => '1,,'));
      }
    },
  );

  it.skipIf(!hasTshark)('writes pcapng with interfaces, tags and nanoseconds (needs tshark)', () => {
    const first = talkPackets(LinkType.Ethernet, 4, [7]).map((packet) => ({ ...packet, tsNs: packet.tsNs + 123n }));
    const second = talkPackets(LinkType.LinuxSll2, 6).map((packet) => ({ ...packet, iface: 1 }));
    const path = join(folder, 'two.pcapng');
    const interfaces = [
      { name: 'eth0', isNano: true },
      { name: 'any', linkType: LinkType.LinuxSll2 },
    ];
    writeFileSync(path, buildPcapng([...first, ...second], interfaces));
    const fields = [
      '-e',
      'frame.interface_name',
      '-e',
      'vlan.id',
      '-e',
      'frame.time_epoch',
      '-e',
      'tcp.checksum.status',
    ];
    const rows = tshark(path, '-T', 'fields', ...fields);
    expect(rows).toHaveLength(first.length + second.length);
    expect(rows[0]).toBe('eth0\t7\t1793696400.000000123\t1');
    expect(rows[first.length]).toBe('any\t\t1793696400.000000000\t1');
  });

  it.skipIf(!hasOpenssl)('makes a capture of a real handshake that the sensor reads back (needs openssl)', async () => {
    const recipe = VERSION_CAPTURES.find((capture) => capture.name === 'tls12-ecdsa')!;
    let labFolder = '';
    const file = await withLabFolder((path, authority) => {
      labFolder = path;
      return buildCapture(recipe, new Lab(recipe.name, path, authority, null));
    });
    expect(existsSync(labFolder)).toBe(false);

    const path = join(folder, 'made.pcap');
    writeFileSync(path, file);
    const source = await openCapture(path);
    const block = new PacketBlock();
    expect(await source.next(block)).toBe(true);
    expect(source.interfaces).toEqual([{ name: '', linkType: LinkType.Ethernet }]);
    expect(block.count).toBe(countPackets(file));
    for (let i = 0; i < block.count; i++) {
      expect(block.capLen[i]).toBe(block.wireLen[i]);
      expect(block.tsUs[i]).toBeGreaterThanOrEqual(block.tsUs[Math.max(0, i - 1)]!);
    }

    // Packet 4 is the ClientHello, right after the opening: record and handshake headers of a TLS 1.0 or 1.2 record.
    const at = block.at[3]! + 14 + 20 + 20;
    const hello = block.buf.subarray(at, block.at[3]! + block.capLen[3]!);
    expect([hello[0], hello[1], hello[5]]).toEqual([22, 3, 1]);
    expect(Buffer.from(hello).includes('api.example.org')).toBe(true);
    expect(await source.next(block)).toBe(false);
    expect(source.fault).toBeNull();
    await source.close();
  });
});
