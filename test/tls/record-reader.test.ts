import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { MAX_CERTIFICATE_BYTES, MAX_HUNT_BYTES, MAX_MESSAGE_BYTES } from '../../src/tls/limits.ts';
import { MessageBuffers } from '../../src/tls/message-buffers.ts';
import { type ReaderSide, type RecordHandler, RecordReader } from '../../src/tls/record-reader.ts';
import { joinBytes } from '../../tools/make-pcap/packet-writer.ts';
import { wire } from '../support/parser-cases.ts';
import * as tls from '../support/tls-bytes.ts';

/** Writes down what a reader tells, one line each. */
class Heard implements RecordHandler {
  readonly lines: string[] = [];
  /** Called with the type of every message. */
  afterMessage: (type: number) => void = () => undefined;

  onMessage(_side: ReaderSide, type: number, buf: Uint8Array, at: number, end: number): void {
    this.lines.push(`message ${type} ${toHex(buf, at, end)}`);
    this.afterMessage(type);
  }
  onLostMessage(_side: ReaderSide, type: number): void {
    this.lines.push(`lost ${type}`);
  }
  onRecord(_side: ReaderSide, type: number, length: number): void {
    this.lines.push(`record ${type} ${length}`);
  }
  onAlert(_side: ReaderSide, level: number, description: number): void {
    this.lines.push(`alert ${level} ${description}`);
  }
  onBadRecord(): void {
    this.lines.push('bad');
  }

  get messages(): string[] {
    return this.lines.filter((line) => !line.startsWith('record'));
  }
}

class Bench {
  readonly heard = new Heard();
  readonly buffers = new MessageBuffers();
  readonly reader = new RecordReader(0, this.heard, this.buffers);

  read(...parts: Uint8Array[]): this {
    const bytes = joinBytes(...parts);
    // Foreign bytes on both sides, wiped afterwards: nothing of them may be kept.
    const buf = joinBytes(new Uint8Array(8).fill(0x16), bytes, new Uint8Array(8).fill(0x16));
    this.reader.read(buf, 8, 8 + bytes.length);
    buf.fill(0xee);
    return this;
  }

  gap(missing: number): this {
    this.reader.gap(missing);
    return this;
  }
}

const done = 'message 14 ';
const shown = (message: Uint8Array) => `message ${message[0]} ${toHex(message, 4)}`;
const CERTIFICATE = tls.certificateMessage(tls.certificate('a'), tls.certificate('b'));

/** Messages cut into handshake records of at most `size` bytes. */
function recordsOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) records.push(tls.record(22, bytes.subarray(at, at + size)));
  return records;
}

describe('RecordReader', () => {
  it('reads several messages of one record', () => {
    const bench = new Bench().read(tls.handshake(tls.serverHello(), CERTIFICATE, tls.serverHelloDone));
    expect(bench.heard.messages).toEqual([shown(tls.serverHello()), shown(CERTIFICATE), done]);
    expect(bench.buffers.lentBytes).toBe(0);
  });

  it('reads a message of several records, with other records between them', () => {
    const [one, two, ...rest] = recordsOf(CERTIFICATE, 50);
    const bench = new Bench().read(one!, tls.alert(1, 112), two!, ...rest);
    expect(bench.heard.messages).toEqual(['alert 1 112', shown(CERTIFICATE)]);
  });

  it('reads every record size and tells the same messages', () => {
    const flight = joinBytes(tls.serverHello(), CERTIFICATE, tls.serverHelloDone);
    for (let size = 1; size <= 60; size++) {
      const bench = new Bench().read(...recordsOf(flight, size));
      expect(bench.heard.messages).toEqual([shown(tls.serverHello()), shown(CERTIFICATE), done]);
      expect(bench.buffers.lentBytes).toBe(0);
    }
  });

  it('gives the same messages for every way of cutting the stream', () => {
    const large = tls.certificateMessage(new Uint8Array(20_000).fill(0x30));
    const stream = joinBytes(
      tls.handshake(tls.clientHello()),
      ...recordsOf(joinBytes(tls.serverHello(), large, tls.serverHelloDone), 5000),
      tls.record(22, new Uint8Array(0)),
      tls.changeCipherSpec,
      tls.applicationData(300),
      tls.alert(2, 40),
    );
    const whole = new Bench().read(stream).heard.lines;
    expect(whole.filter((line) => line.startsWith('message')).length).toBe(4);
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 9000 }))), (sizes) => {
        const bench = new Bench();
        let at = 0;
        for (const size of sizes) {
          bench.read(stream.subarray(at, at + size));
          at += size;
        }
        bench.read(stream.subarray(at));
        expect(bench.heard.lines).toEqual(whole);
        expect(bench.buffers.lentBytes).toBe(0);
      }),
    );
  });

  it('skips what is encrypted', () => {
    const bench = new Bench();
    bench.reader.isEncrypted = true;
    bench.read(tls.encryptedFinished, tls.alert(2, 40));
    expect(bench.heard.lines).toEqual(['record 22 40', 'record 21 2']);
  });

  it('stops where a message turns encryption on', () => {
    const bench = new Bench();
    bench.heard.afterMessage = () => {
      bench.reader.isEncrypted = true;
    };
    bench.read(...recordsOf(joinBytes(tls.serverHello(), tls.serverHelloDone), 20));
    expect(bench.heard.messages).toEqual([shown(tls.serverHello())]);
  });

  it('reads a hello behind a doubtful ChangeCipherSpec, and takes anything else for encrypted', () => {
    const bench = new Bench();
    bench.reader.isDoubtful = true;
    bench.read(tls.handshake(tls.clientHello()));
    expect(bench.reader.isEncrypted).toBe(false);
    bench.read(tls.encryptedFinished);
    expect(bench.reader.isEncrypted).toBe(true);
    expect(bench.heard.messages).toEqual([shown(tls.clientHello())]);
  });

  it('loses a message over its cap, and skips it', () => {
    const over = joinBytes(Uint8Array.of(12, 2, 0x80, 1), new Uint8Array(MAX_MESSAGE_BYTES + 1));
    const bench = new Bench().read(...recordsOf(joinBytes(over, tls.serverHelloDone), 16_384));
    expect(bench.heard.messages).toEqual(['lost 12', done]);
    const length = MAX_CERTIFICATE_BYTES + 1;
    const certificate = joinBytes(Uint8Array.of(11, length >> 16, (length >> 8) & 0xff, length & 0xff));
    for (const size of [3, 16]) {
      const cut = new Bench().read(...recordsOf(joinBytes(certificate, new Uint8Array(20)), size));
      expect(cut.heard.messages).toEqual(['lost 11']);
      expect(cut.buffers.lentBytes).toBe(0);
    }
  });

  it('borrows as much as came, not as much as is claimed', () => {
    const bench = new Bench().read(tls.record(22, Uint8Array.of(11, 0x0f, 0xff, 0xff, 0, 0)));
    expect(bench.buffers.lentBytes).toBeLessThan(10_000);
    expect(bench.reader.pendingType).toBe(11);
    expect(bench.reader.isInside).toBe(true);
    bench.reader.close();
    expect(bench.buffers.lentBytes).toBe(0);
  });
});

describe('RecordReader after a gap', () => {
  const flight = tls.handshake(tls.serverHello(), CERTIFICATE, tls.serverHelloDone);
  const certificateAt = 5 + tls.serverHello().length;

  it('goes on behind the message that the gap is in', () => {
    const from = certificateAt + 40;
    const bench = new Bench()
      .read(flight.subarray(0, from))
      .gap(30)
      .read(flight.subarray(from + 30));
    expect(bench.heard.messages).toEqual([shown(tls.serverHello()), 'lost 11', done]);
    expect(bench.buffers.lentBytes).toBe(0);
  });

  it('goes on with the next record where the header of a message is lost', () => {
    const bench = new Bench()
      .read(flight.subarray(0, certificateAt))
      .gap(10)
      .read(flight.subarray(certificateAt + 10));
    bench.read(tls.handshake(tls.serverHelloDone));
    expect(bench.heard.messages).toEqual([shown(tls.serverHello()), 'lost -1', done]);
  });

  it('does not take the middle of a lost message for the beginning of one', () => {
    const records = recordsOf(joinBytes(CERTIFICATE, tls.serverHelloDone), 60);
    const bench = new Bench()
      .read(records[0]!.subarray(0, 5))
      .gap(30)
      .read(records[0]!.subarray(35), ...records.slice(1));
    bench.read(tls.handshake(tls.clientKeyExchange));
    expect(bench.heard.messages).toEqual(['lost -1', shown(tls.clientKeyExchange)]);
  });

  it('hunts for a record where whole records are lost', () => {
    const bench = new Bench().read(flight.subarray(0, 20)).gap(2000);
    bench.read(
      wire('e5e5 1603 e5'),
      new Uint8Array(300).fill(0x16),
      tls.handshake(tls.serverHelloDone),
      tls.changeCipherSpec,
    );
    expect(bench.heard.messages).toEqual(['lost 2', done]);
    expect(bench.heard.lines.at(-1)).toBe('record 20 1');
  });

  it('knows where a record ends whose content is lost', () => {
    const data = tls.applicationData(500);
    const bench = new Bench().read(data.subarray(0, 100)).gap(405).read(tls.handshake(tls.serverHelloDone));
    expect(bench.heard.messages).toEqual([done]);
  });

  it('hunts after what is no record', () => {
    const bench = new Bench().read(Buffer.from('HTTP/1.1 400 Bad Request\r\n'), tls.handshake(tls.serverHelloDone));
    expect(bench.heard.messages).toEqual(['bad', done]);
  });

  it('tells of a bad record before the message that it ends', () => {
    const bench = new Bench().read(tls.record(22, CERTIFICATE.subarray(0, 50)), Buffer.from('nonsense'));
    expect(bench.heard.messages).toEqual(['bad', 'lost 11']);
  });

  it('gives up a hunt in vain', () => {
    const bench = new Bench().gap(1);
    bench.read(new Uint8Array(MAX_HUNT_BYTES));
    expect(bench.reader.isHopeless).toBe(false);
    bench.read(new Uint8Array(1));
    expect(bench.reader.isHopeless).toBe(true);
  });
});

describe('RecordReader with hostile bytes', () => {
  it('neither throws nor keeps a buffer', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(tls.handshake(tls.clientHello()), tls.changeCipherSpec, tls.handshake(CERTIFICATE)),
      fc.tuple(fc.nat(25), fc.nat(5), fc.uint8Array({ maxLength: 30 })).map(([type, minor, body]) => {
        return tls.record(type, body, 0x0300 | minor);
      }),
    );
    const step = fc.record({ piece, from: fc.nat(20), cut: fc.nat(20), gap: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(step), fc.boolean(), (steps, isDoubtful) => {
        const bench = new Bench();
        bench.reader.isDoubtful = isDoubtful;
        for (const { piece: bytes, from, cut, gap } of steps) {
          bench.read(bytes.subarray(from === 1 ? 3 : 0, bytes.length - Math.min(cut, bytes.length)));
          if (gap > 20) bench.gap(gap);
        }
        bench.reader.close();
        expect(bench.buffers.lentBytes).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
