import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CaptureError } from '../../src/capture/capture-error.ts';
import { bytes } from './commented-hex.ts';
import { readBytes } from './read-all.ts';

const SECTION_LE = `
  0a0d0d0a 1c000000           section header, 28 bytes
  4d3c2b1a 0100 0000          little-endian, version 1.0
  ffffffffffffffff            section length unknown
  1c000000`;
const INTERFACE_LE = `
  01000000 14000000           interface, 20 bytes
  0100 0000 00000400          link type 1, snap length 262144
  14000000`;
const NAMED_INTERFACE_NS_LE = `
  01000000 28000000           interface, 40 bytes
  7100 0000 00000000          link type 113, no snap length
  0200 0400 65746831          if_name eth1
  0900 0100 09000000          if_tsresol 9, nanoseconds
  0000 0000                   end of options
  28000000`;
const PACKET_LE = `
  06000000 24000000           enhanced packet, 36 bytes
  00000000                    interface 0
  240a0600 40420f00           ticks 0x00060a24_000f4240
  03000000 40000000           3 bytes captured, 64 on the wire
  aabbcc 00                   packet and padding
  24000000`;
const PACKET_US = 0x00060a24 * 4_294_967_296 + 0x000f4240;
const STATISTICS_LE = `
  05000000 18000000           interface statistics, 24 bytes: not a packet
  00000000 00000000 00000000
  18000000`;
const SECTION_BE = `
  0a0d0d0a 0000001c           section header
  1a2b3c4d 0001 0000          big-endian
  ffffffffffffffff
  0000001c`;
const INTERFACE_BE = '00000001 00000014 0065 0000 00000002 00000014';
const SIMPLE_BE = `
  00000003 00000014           simple packet, 20 bytes
  00000005                    5 bytes on the wire; the snap length of 2 cut it
  1122 0000
  00000014`;

describe('pcapng', () => {
  it('reads sections of both byte orders, each with interfaces of its own, numbered on', async () => {
    const file = bytes(SECTION_LE, INTERFACE_LE, PACKET_LE, STATISTICS_LE, SECTION_BE, INTERFACE_BE, SIMPLE_BE);
    const { packets, interfaces, counters, fault } = await readBytes(file);
    expect(packets).toEqual([
      { hex: 'aabbcc', wireLen: 64, tsUs: PACKET_US, iface: 0 },
      { hex: '1122', wireLen: 5, tsUs: PACKET_US, iface: 1 },
    ]);
    expect(interfaces).toEqual([
      { name: '', linkType: 1 },
      { name: '', linkType: 101 },
    ]);
    expect(counters).toEqual({ packets: 2, bytes: 5, truncated: 2, fileBytes: file.length, skippedBlocks: 1 });
    expect(fault).toBeNull();
  });

  it('reads the name, the link type and the clock of each interface', async () => {
    const packet = `
      06000000 24000000
      01000000                interface 1
      f0c49717 15cd5b07       1700000000.123456789 s in nanoseconds
      01000000 01000000 ff000000
      24000000`;
    const { packets, interfaces } = await readBytes(bytes(SECTION_LE, INTERFACE_LE, NAMED_INTERFACE_NS_LE, packet));
    const ticks = (0x1797c4f0n << 32n) | 0x075bcd15n;
    expect(packets[0]).toEqual({ hex: 'ff', wireLen: 1, tsUs: Number(ticks / 1000n), iface: 1 });
    expect(interfaces[1]).toEqual({ name: 'eth1', linkType: 113 });
  });

  it('adds the offset that an interface gives to its times', async () => {
    const source = `
      01000000 24000000       interface, 36 bytes
      0100 0000 00000000
      0e00 0800 ffffffffffffffff  if_tsoffset -1 s
      00000000
      24000000`;
    const { packets } = await readBytes(bytes(SECTION_LE, source, PACKET_LE));
    expect(packets[0]?.tsUs).toBe(PACKET_US - 1_000_000);
  });

  it('reads the obsolete packet block', async () => {
    const obsolete = `
      02000000 24000000
      0000 0700               interface 0, 7 drops
      240a0600 40420f00
      02000000 02000000
      abcd 0000
      24000000`;
    const { packets } = await readBytes(bytes(SECTION_LE, INTERFACE_LE, obsolete));
    expect(packets).toEqual([{ hex: 'abcd', wireLen: 2, tsUs: PACKET_US, iface: 0 }]);
  });

  it('gives a simple packet the time 0 where none came before it', async () => {
    const { packets } = await readBytes(bytes(SECTION_BE, INTERFACE_BE, SIMPLE_BE));
    expect(packets).toEqual([{ hex: '1122', wireLen: 5, tsUs: 0, iface: 0 }]);
  });

  it('survives options that lie about their length', async () => {
    const source = '01000000 18000000 0100 0000 00000400 0200 ff00 18000000';
    const { packets, interfaces, fault } = await readBytes(bytes(SECTION_LE, source, PACKET_LE));
    expect(interfaces).toEqual([{ name: '', linkType: 1 }]);
    expect(packets).toHaveLength(1);
    expect(fault).toBeNull();
  });

  it.each([
    [
      'a length at the end that differs',
      '05000000 0c000000 10000000',
      'has a different length at its end (16, not 12)',
    ],
    ['a length that is no multiple of four', '05000000 0d000000 00 0d000000', 'which is no multiple of 4'],
    [
      'a length below the fields of the block',
      '06000000 0c000000 0c000000',
      'claims 12 bytes, less than its fields take',
    ],
    ['a length without bounds', '05000000 fcffffff 00000000', 'more than 16777216'],
    ['an interface that was not described', PACKET_LE.replace('00000000   ', '05000000   '), 'names interface 5'],
    ['a packet longer than its block', PACKET_LE.replace('03000000 40', '05000000 40'), 'claims a packet of 5 bytes'],
    ['a section without a byte order', '0a0d0d0a 1c000000 00000000', 'is a section header without a byte-order magic'],
    [
      'a section of a version to come',
      SECTION_LE.replace('0100 0000 ', '0200 0000 '),
      'has version 2; only 1 is known',
    ],
  ])('refuses %s, and keeps the packets before it', async (_, block, message) => {
    const before = bytes(SECTION_LE, INTERFACE_LE, PACKET_LE);
    const file = bytes(SECTION_LE, INTERFACE_LE, PACKET_LE, block);
    const { packets, fault } = await readBytes(file);
    expect(packets).toHaveLength(1);
    expect(fault?.code).toBe('corrupt');
    expect(fault?.offset).toBe(before.length);
    expect(fault?.message).toContain(message);
  });

  it('refuses a packet that comes before its interface, also in a later section', async () => {
    const { packets, fault } = await readBytes(bytes(SECTION_LE, INTERFACE_LE, PACKET_LE, SECTION_LE, PACKET_LE));
    expect(packets).toHaveLength(1);
    expect(fault?.message).toContain('names interface 0, and its section has described 0 so far');
  });

  it('gives a clear result for a file cut at every byte', async () => {
    const parts = [SECTION_LE, INTERFACE_LE, PACKET_LE, STATISTICS_LE, PACKET_LE].map((part) => bytes(part).length);
    const boundaries = parts.map((_, i) => parts.slice(0, i + 1).reduce((a, b) => a + b, 0));
    const whole = bytes(SECTION_LE, INTERFACE_LE, PACKET_LE, STATISTICS_LE, PACKET_LE);
    const dataAt = [boundaries[1]! + 28, boundaries[3]! + 28];
    for (let length = 0; length < 12; length++) {
      await expect(readBytes(whole.slice(0, length)), `cut at ${length}`).rejects.toBeInstanceOf(CaptureError);
    }
    for (let length = 12; length < whole.length; length++) {
      const { packets, fault } = await readBytes(whole.slice(0, length));
      expect(fault?.code, `cut at ${length}`).toBe(boundaries.includes(length) ? undefined : 'cut');
      expect(fault?.offset ?? length).toBe(Math.max(0, ...boundaries.filter((at) => at <= length)));
      expect(packets, `cut at ${length}`).toHaveLength(dataAt.filter((at) => length > at).length);
    }
  });

  it('never throws and never reads outside the window, whatever follows the section header', async () => {
    const word = fc.constantFrom(0, 1, 2, 3, 5, 6, 12, 16, 20, 28, 32, 36, 0x0a0d0d0a, 0x1a2b3c4d, 0xffff_ffff);
    const words = fc.array(fc.oneof(word, fc.nat(0xffff_ffff)), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(words, fc.boolean(), fc.nat(3), async (words, isBigEndian, cutBytes) => {
        const head = bytes(isBigEndian ? SECTION_BE : SECTION_LE, isBigEndian ? INTERFACE_BE : INTERFACE_LE);
        const file = new Uint8Array(head.length + 4 * words.length);
        file.set(head);
        const view = new DataView(file.buffer);
        for (const [i, word] of words.entries()) view.setUint32(head.length + 4 * i, word >>> 0, !isBigEndian);
        const { counters, fault, interfaces } = await readBytes(file.subarray(0, file.length - cutBytes));
        expect(counters.packets + counters.skippedBlocks).toBeLessThanOrEqual(words.length);
        // What holds neither a packet nor another block is an interface, or damage.
        const isExplained = counters.packets + counters.skippedBlocks > 0 || interfaces.length > 1 || fault !== null;
        expect(isExplained || file.length - cutBytes <= head.length || words.includes(0x0a0d0d0a)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
