import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { writeCommunityId } from '../../src/event/community-id.ts';
import { MAX_MESSAGE_BYTES, writeSha1 } from '../../src/event/sha1-block.ts';

function idOf(...flow: Parameters<typeof writeCommunityId>): string {
  return Buffer.from(writeCommunityId(...flow)).toString();
}

describe('Community ID', () => {
  it('agrees with the specification on its TCP and UDP flows', () => {
    expect(idOf('tcp', '128.232.110.120', 34_855, '66.35.250.204', 80)).toBe('1:LQU9qZlK+B5F3KDmev6m5PMibrg=');
    expect(idOf('udp', '192.168.1.52', 54_585, '8.8.8.8', 53)).toBe('1:d/FP5EW3wiY1vCndhwleRRKHowQ=');
  });

  it('reads an IPv6 address in every form', () => {
    const long = idOf('udp', '2001:db8:0:0:0:0:0:1', 50_000, '2001:db8:0:0:0:ffff:c000:201', 443);
    expect(long).toBe('1:nBtlaHwOAO0sssfZByIOyS4/vl4=');
    expect(idOf('udp', '2001:db8::1', 50_000, '2001:db8::ffff:192.0.2.1', 443)).toBe(long);
    expect(idOf('udp', '2001:DB8::0:1', 50_000, '2001:db8::ffff:c000:201', 443)).toBe(long);
  });

  it('is the same in both directions', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat(65_535), fc.nat(65_535), (a, b, portA, portB) => {
        expect(idOf('tcp', a, portA, b, portB)).toBe(idOf('tcp', b, portB, a, portA));
      }),
    );
  });

  it('is the hash of the two endpoints in order', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(65_535), (address, port) => {
        const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16));
        const input = [0, 0, ...new Uint8Array(16), ...address, 6, 0, 0, 0, port >> 8, port & 0xff];
        const expected = createHash('sha1').update(Uint8Array.from(input)).digest('base64');
        expect(idOf('tcp', '::', 0, groups.join(':'), port)).toBe(`1:${expected}`);
      }),
    );
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.0004',
    '1.2.3.x',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    '::1.2.3',
    'fe80::1%eth0',
    '1:',
  ])('is absent for "%s", which is no address', (text) => {
    expect(idOf('tcp', text, 1, text.includes(':') ? '::1' : '1.2.3.4', 2)).toBe('');
  });

  it('is absent where the addresses are of different kinds', () => {
    expect(idOf('tcp', '1.2.3.4', 1, '::1', 2)).toBe('');
  });
});

describe('SHA-1 of one block', () => {
  it('agrees with node:crypto at every length', () => {
    for (let len = 0; len <= MAX_MESSAGE_BYTES; len++) {
      const block = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + len * 11) & 0xff);
      const expected = createHash('sha1').update(block.subarray(0, len)).digest('hex');
      const digest = new Uint8Array(20);
      writeSha1(block, len, digest);
      expect(Buffer.from(digest).toString('hex')).toBe(expected);
    }
  });
});
