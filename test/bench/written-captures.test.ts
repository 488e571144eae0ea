import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { toPacketList } from '../../bench/packet-list.ts';
import { PcapFile } from '../../bench/pcap-file.ts';
import { writeSynFlood } from '../../bench/syn-flood.ts';
import { writeCopies } from '../../bench/write-copies.ts';
import { TcpConversation } from '../../tools/make-pcap/tcp-conversation.ts';
import { readPcap } from './read-pcap.ts';

const folder = mkdtempSync(join(tmpdir(), 'spanglass-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function talkIn(network: number): TcpConversation {
  const talk = new TcpConversation({
    client: { ip: `198.18.${network}.1`, port: 50_000 },
    server: { ip: `198.19.${network}.1`, port: 443 },
    seed: 'the same in all networks',
  });
  return talk
    .open()
    .send('client', new Uint8Array(300).fill(1))
    .send('server', new Uint8Array(5000).fill(2))
    .close('client');
}

function write(name: string, fill: (file: PcapFile) => void): string {
  const path = join(folder, name);
  const file = new PcapFile(path);
  fill(file);
  file.close();
  return path;
}

/** The ones' complement sum of the IPv4 header, and of the TCP segment with its pseudo-header: both 0xffff where right. */
function sumsOf(packet: Uint8Array): [number, number] {
  const ipLen = (packet[16]! << 8) | packet[17]!;
  const pseudo = Uint8Array.of(...packet.subarray(26, 34), 0, 6, (ipLen - 20) >> 8, (ipLen - 20) & 0xff);
  return [sum(packet.subarray(14, 34)), sum(Uint8Array.of(...pseudo, ...packet.subarray(34, 14 + ipLen)))];
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

describe('copies of a recording', () => {
  it('stand between each other, in order of time, each in its network', async () => {
    const copies = 5;
    const stepUs = 3000;
    const list = toPacketList(talkIn(0).toPackets());
    const path = write('copies.pcap', (file) => writeCopies(list, copies, stepUs, file));
    const packets = await readPcap(path);
    expect(packets).toHaveLength(copies * list.at.length);
    for (let i = 1; i < packets.length; i++) expect(packets[i]!.tsUs).toBeGreaterThanOrEqual(packets[i - 1]!.tsUs);
    for (let copy = 0; copy < copies; copy++) {
      const expected = talkIn(copy).toPackets();
      // The third octet of the source address is the network.
      const found = packets.filter(({ bytes }) => bytes[28] === copy);
      expect(found.map(({ bytes }) => bytes)).toEqual(expected.map(({ bytes }) => bytes));
      expect(found.map(({ tsUs }) => tsUs)).toEqual(expected.map(({ tsNs }) => Number(tsNs / 1000n) + copy * stepUs));
    }
  });

  it('are refused where there are not enough networks', () => {
    const list = toPacketList(talkIn(0).toPackets());
    write('refused.pcap', (file) => expect(() => writeCopies(list, 257, 1, file)).toThrow(RangeError));
  });

  it('of nothing are nothing', async () => {
    const path = write('nothing.pcap', (file) => writeCopies(toPacketList([]), 3, 1, file));
    expect(await readPcap(path)).toEqual([]);
  });
});

describe('a SYN flood', () => {
  it('has as many flows as asked for, each round the same, checksums right', async () => {
    const flows = 70_000;
    const path = write('flood.pcap', (file) => writeSynFlood(flows, 2, file));
    const packets = await readPcap(path);
    expect(packets).toHaveLength(2 * flows);
    const keyOf = ({ bytes }: { bytes: Uint8Array }) => Buffer.from(bytes.subarray(26, 42)).toString('hex');
    expect(new Set(packets.map(keyOf)).size).toBe(flows);
    expect(packets.slice(flows).map(keyOf)).toEqual(packets.slice(0, flows).map(keyOf));
    for (let i = 0; i < flows; i += 997) expect(sumsOf(packets[i]!.bytes)).toEqual([0xffff, 0xffff]);
  });
});
