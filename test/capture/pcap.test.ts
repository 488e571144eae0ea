import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FixedWindow } from '../../src/capture/byte-window.ts';
import { CaptureError } from '../../src/capture/capture-error.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { PcapWalker, parsePcapHeader } from '../../src/capture/pcap.ts';
import { bytes } from './commented-hex.ts';
import { readBytes } from './read-all.ts';

const HEADER_LE = `
  d4c3b2a1                    magic, microseconds, little-endian
  0200 0400                   version 2.4
  00000000 00000000           time zone, accuracy
  00000400                    snap length 262144
  01000000                    link type 1, Ethernet`;
const TWO_RECORDS_LE = `
  00f15365 40e20100           1700000000 s, 123456 us
  04000000 04000000           4 bytes captured, 4 on the wire
  deadbeef
  01f15365 01000000           1700000001 s, 1 us
  02000000 3c000000           2 bytes captured, 60 on the wire
  cafe`;

describe('classic pcap', () => {
  it('reads a little-endian file of microseconds whole', async () => {
    const { packets, fault, counters, interfaces } = await readBytes(bytes(HEADER_LE, TWO_RECORDS_LE));
    expect(packets).toEqual([
      { hex: 'deadbeef', wireLen: 4, tsUs: 1_700_000_000_123_456, iface: 0 },
      { hex: 'cafe', wireLen: 60, tsUs: 1_700_000_001_000_001, iface: 0 },
    ]);
    expect(fault).toBeNull();
    expect(counters).toEqual({ packets: 2, bytes: 6, truncated: 1, fileBytes: 62, skippedBlocks: 0 });
    expect(interfaces).toEqual([{ name: '', linkType: 1 }]);
  });

  it('reads big-endian nanoseconds, and drops what is below a microsecond', async () => {
    const file = bytes(`
      a1b23c4d                magic, nanoseconds, big-endian
      0002 0004 00000000 00000000
      0000ffff                snap length 65535
      00000071                link type 113, Linux cooked
      6553f100 075bcd15       1700000000 s, 123456789 ns
      00000001 00000001
      aa`);
    const { packets, fault, interfaces } = await readBytes(file);
    expect(packets).toEqual([{ hex: 'aa', wireLen: 1, tsUs: 1_700_000_000_123_456, iface: 0 }]);
    expect(fault).toBeNull();
    expect(interfaces[0]?.linkType).toBe(113);
  });

  it('reads the modified format with its longer record header', async () => {
    const file = bytes(`
      34cdb2a1                magic of the modified format, little-endian
      0200 0400 00000000 00000000 00000400 01000000
      00f15365 00000000       1700000000 s
      01000000 01000000
      02000000 0008 00 00     ifindex 2, protocol, packet type, padding
      bb`);
    expect((await readBytes(file)).packets).toEqual([{ hex: 'bb', wireLen: 1, tsUs: 1_700_000_000_000_000, iface: 0 }]);
  });

  it('takes the link type from the low 16 bits, whatever frame check sequence the upper ones announce', async () => {
    const file = bytes(HEADER_LE);
    file.set([0x93, 0x00, 0x00, 0x24], 20);
    expect((await readBytes(file)).interfaces[0]?.linkType).toBe(0x93);
  });

  it('counts seconds beyond 2038', async () => {
    const file = bytes(HEADER_LE, 'ffffffff 3f420f00 00000000 00000000');
    expect((await readBytes(file)).packets[0]?.tsUs).toBe(4_294_967_295_999_999);
  });

  it('raises a length on the wire that is below the captured one', async () => {
    const file = bytes(HEADER_LE, '00000000 00000000 02000000 00000000 abcd');
    const { packets, counters } = await readBytes(file);
    expect(packets[0]?.wireLen).toBe(2);
    expect(counters.truncated).toBe(0);
  });

  it('takes a file without packets for what it is', async () => {
    const { packets, fault } = await readBytes(bytes(HEADER_LE));
    expect(packets).toEqual([]);
    expect(fault).toBeNull();
  });

  it('refuses a record longer than any packet, names its offset, and keeps the packets before it', async () => {
    const file = bytes(HEADER_LE, TWO_RECORDS_LE, '00000000 00000000 01000400 01000400 00');
    const { packets, fault } = await readBytes(file);
    expect(packets).toHaveLength(2);
    expect(fault?.code).toBe('corrupt');
    expect(fault?.offset).toBe(62);
    expect(fault?.message).toContain('at offset 62 claims a packet of 262145 bytes');
  });

  it('believes a longer packet where the snap length announces it', async () => {
    const file = bytes(HEADER_LE, '00000000 00000000 01000400 01000400 00');
    file.set([0x01, 0x00, 0x08, 0x00], 16);
    const { packets, fault } = await readBytes(file);
    expect(packets[0]).toMatchObject({ hex: '00', wireLen: 262_145 });
    expect(fault?.code).toBe('cut');
  });

  it('does not believe a snap length without bounds', async () => {
    const file = bytes(HEADER_LE, '00000000 00000000 ffffff7f ffffff7f 00');
    file.set([0xff, 0xff, 0xff, 0xff], 16);
    expect((await readBytes(file)).fault?.code).toBe('corrupt');
  });

  it('gives a clear result for a file cut at every byte', async () => {
    const whole = bytes(HEADER_LE, TWO_RECORDS_LE);
    for (let length = 0; length < 24; length++) {
      await expect(readBytes(whole.slice(0, length)), `cut at ${length}`).rejects.toBeInstanceOf(CaptureError);
    }
    for (let length = 24; length < whole.length; length++) {
      const { packets, fault } = await readBytes(whole.slice(0, length));
      const isBetweenRecords = length === 24 || length === 44;
      expect(fault?.code, `cut at ${length}`).toBe(isBetweenRecords ? undefined : 'cut');
      expect(fault?.offset ?? length).toBe(length < 44 ? 24 : 44);
      const wanted = (length > 40 ? 1 : 0) + (length > 60 ? 1 : 0);
      expect(packets, `cut at ${length}`).toHaveLength(wanted);
    }
  });

  it('keeps what is there of a cut packet, as a truncated one, and says so', async () => {
    const { packets, fault, counters } = await readBytes(bytes(HEADER_LE, TWO_RECORDS_LE).slice(0, 43));
    expect(packets).toEqual([{ hex: 'deadbe', wireLen: 4, tsUs: 1_700_000_000_123_456, iface: 0 }]);
    expect(counters.truncated).toBe(1);
    expect(fault?.message).toBe(
      'ends inside a packet, 3 of 4 bytes, at offset 24; it was cut, or is still being written; what is there of the packet was read',
    );
  });

  it('fills a block to its end and goes on in the next', async () => {
    const record = bytes('00000000 00000000 01000000 01000000 aa');
    const count = 10_000;
    const file = new Uint8Array(24 + count * record.length);
    file.set(bytes(HEADER_LE));
    for (let i = 0; i < count; i++) file.set(record, 24 + i * record.length);
    expect((await readBytes(file)).packets).toHaveLength(count);
  });

  it('never throws and never reads outside the window, whatever follows the header', async () => {
    const header = bytes(HEADER_LE);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (tail, isBigEndian) => {
        const file = new Uint8Array(24 + tail.length);
        file.set(isBigEndian ? bytes('a1b2c3d4 0002 0004 00000000 00000000 00040000 00000001') : header);
        file.set(tail, 24);
        const { fault, packets } = await readBytes(file);
        expect(tail.length > 0 && packets.length === 0).toBe(fault !== null && packets.length === 0);
      }),
      { numRuns: 500 },
    );
  });

  it('can be driven over bytes alone', () => {
    const file = bytes(HEADER_LE, TWO_RECORDS_LE);
    const header = parsePcapHeader(file, 0, file.length);
    expect(header).toEqual({ isBigEndian: false, ticksPerUs: 1, recordHeaderLen: 16, snapLen: 262_144, linkType: 1 });
    const window = new FixedWindow(file);
    window.pos = 24;
    const walker = new PcapWalker(header!);
    const block = new PacketBlock();
    walker.walk(window, block);
    expect(block.count).toBe(2);
    expect(walker.counters.packets).toBe(2);
  });
});
