import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageBuffers } from '../../src/tls/message-buffers.ts';
import { Sslv2Framer } from '../../src/tls/sslv2-framer.ts';
import { wire } from '../support/parser-cases.ts';
import { sslv2ClientHello } from '../support/tls-bytes.ts';

describe('Sslv2Framer', () => {
  it('stops behind a record, with the rest unread', () => {
    const framer = new Sslv2Framer(new MessageBuffers());
    const bytes = wire('8003 aabbcc dd');
    expect(framer.read(bytes, 0, bytes.length)).toBe(5);
    expect(framer.record).toEqual(wire('8003 aabbcc'));
  });

  it('takes an empty record for one', () => {
    const framer = new Sslv2Framer(new MessageBuffers());
    expect(framer.read(wire('8000 80'), 0, 3)).toBe(2);
    expect(framer.record).toEqual(wire('8000'));
  });

  it('puts a record together from any pieces, and gives its buffer back', () => {
    const long = new Uint8Array(2 + 0x7fff).fill(0xab);
    long.set([0xff, 0xff]);
    const records = fc.constantFrom(sslv2ClientHello(0x0301), long);
    fc.assert(
      fc.property(records, fc.array(fc.integer({ min: 1, max: 20_000 })), (record, sizes) => {
        const buffers = new MessageBuffers();
        const framer = new Sslv2Framer(buffers);
        let at = 0;
        for (const size of [...sizes, record.length]) {
          if (at >= record.length) break;
          expect(framer.record).toBeNull();
          const end = Math.min(at + size, record.length);
          expect(framer.read(record, at, end)).toBe(end);
          at = end;
        }
        expect(framer.record).toEqual(record);
        framer.release();
        expect(framer.record).toBeNull();
        expect(buffers.lentBytes).toBe(0);
      }),
    );
  });
});
