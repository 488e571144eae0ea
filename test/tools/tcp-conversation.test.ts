import { describe, expect, it } from 'vitest';
import {
  duplicateAll,
  loseData,
  mergeByTime,
  offloadChecksums,
  onlyFrom,
  overlapData,
  retransmitData,
  reverseData,
  snapPackets,
  splitData,
  swapData,
  withoutOpening,
} from '../../tools/make-pcap/damage.ts';
import { Tcp } from '../../tools/make-pcap/packet-writer.ts';
import { type Segment, sequenceLen, TcpConversation } from '../../tools/make-pcap/tcp-conversation.ts';

const ENDS = {
  client: { ip: '192.0.2.10', port: 50_123 },
  server: { ip: '198.51.100.7', port: 443 },
};

const FLIGHT = Uint8Array.from({ length: 4000 }, (_, i) => i & 0xff);

function sampleTalk(clientIsn = 1000, serverIsn = 5000): TcpConversation {
  const talk = new TcpConversation({ ...ENDS, clientIsn, serverIsn });
  return talk
    .open()
    .send('client', Uint8Array.of(1, 2, 3))
    .send('server', FLIGHT)
    .close('client');
}

/** The server's stream as a receiver with endless patience puts it together: the first copy of each byte counts. */
function serverStream(segments: readonly Segment[], isn = 5000): (number | undefined)[] {
  const stream: (number | undefined)[] = [];
  for (const s of segments) {
    if (s.from !== 'server') continue;
    const at = (s.seq - isn - 1) | 0;
    s.payload.forEach((byte, i) => {
      stream[at + i] ??= byte;
    });
  }
  return Array.from(stream);
}

const dataOf = (segments: readonly Segment[]) =>
  segments.filter((s) => s.payload.length > 0).map((s) => `${s.from[0]}${s.seq}+${s.payload.length}`);

describe('TCP conversation', () => {
  it('opens, carries data in full segments, acknowledges each second one, and closes', () => {
    const shown = sampleTalk().segments.map((s) => {
      const flags = Array.from('FSRPA')
        .filter((_, bit) => s.flags & (1 << bit))
        .join('');
      return `${s.from[0]} ${flags} ${s.seq} ${s.ack} ${s.payload.length}`;
    });
    expect(shown).toEqual([
      'c S 1000 0 0',
      's SA 5000 1001 0',
      'c A 1001 5001 0',
      'c PA 1001 5001 3',
      's A 5001 1004 0',
      's A 5001 1004 1460',
      's A 6461 1004 1460',
      'c A 1004 7921 0',
      's PA 7921 1004 1080',
      'c A 1004 9001 0',
      'c FA 1004 9001 0',
      's FA 9001 1005 0',
      'c A 1005 9002 0',
    ]);
  });

  it('never goes back in time', () => {
    const times = sampleTalk().segments.map((s) => s.tsNs);
    expect(times.every((ts, i) => i === 0 || ts >= times[i - 1]!)).toBe(true);
  });

  it('says the same on every run, and something else with another seed', () => {
    const bytes = (seed: string) => new TcpConversation({ ...ENDS, seed }).open().toPackets();
    expect(bytes('a')).toEqual(bytes('a'));
    expect(bytes('a')).not.toEqual(bytes('b'));
  });

  it('lets sequence numbers wrap', () => {
    const talk = sampleTalk(0xffff_fffe, 0xffff_ff00);
    expect(talk.nextSeq('client')).toBe(3);
    const data = talk.segments.filter((s) => s.from === 'server' && s.payload.length > 0);
    const nextSeqs = data.map((s) => (s.seq + sequenceLen(s)) >>> 0);
    expect(data.map((s) => s.seq).slice(1)).toEqual(nextSeqs.slice(0, -1));
    expect(serverStream(talk.segments, 0xffff_ff00)).toEqual([...FLIGHT]);
  });

  it('scales its window after the opening only', () => {
    const windows = sampleTalk()
      .toPackets()
      .map(({ bytes }) => (bytes[48]! << 8) | bytes[49]!);
    expect(windows.slice(0, 4)).toEqual([64_240, 64_240, 502, 502]);
  });
});

describe('damage', () => {
  const whole = sampleTalk().segments;

  it.each([
    ['swapped', swapData(whole, 'server', 0)],
    ['reversed', reverseData(whole, 'server', 0, 3)],
    ['mirrored twice', duplicateAll(whole)],
    ['retransmitted', retransmitData(whole, 'server', 1)],
    ['overlapping', overlapData(whole, 'server', 0, 100)],
    ['overlapping with other bytes', overlapData(whole, 'server', 0, 100, (bytes) => bytes.map((b) => b ^ 0xff))],
    ['split', splitData(whole, 'server', 7)],
    ['begun in mid-stream', withoutOpening(whole)],
    ['seen from the server only', onlyFrom(whole, 'server')],
  ])('%s, a stream still has all its bytes', (_name, segments) => {
    expect(segments).not.toEqual(whole);
    expect(serverStream(segments)).toEqual([...FLIGHT]);
  });

  it('loses a segment for good', () => {
    const stream = serverStream(loseData(whole, 'server', 1));
    expect(stream.slice(1460, 2920).every((byte) => byte === undefined)).toBe(true);
    expect(stream.filter((byte) => byte !== undefined)).toHaveLength(4000 - 1460);
  });

  it('puts data in the order that the damage is named after', () => {
    expect(dataOf(swapData(whole, 'server', 0))).toEqual(['c1001+3', 's6461+1460', 's5001+1460', 's7921+1080']);
    expect(dataOf(reverseData(whole, 'server', 0, 3))).toEqual(['c1001+3', 's7921+1080', 's6461+1460', 's5001+1460']);
    expect(dataOf(overlapData(whole, 'server', 0, 100))).toEqual(['c1001+3', 's5001+1460', 's6361+1560', 's7921+1080']);
    expect(dataOf(splitData(whole, 'server', 1000)).slice(1, 4)).toEqual(['s5001+1000', 's6001+460', 's6461+1000']);
  });

  it('keeps the list in the order of time, as a capture has it', () => {
    for (const segments of [
      swapData(whole, 'server', 0),
      reverseData(whole, 'server', 0, 3),
      retransmitData(whole, 'server', 1),
      duplicateAll(whole),
    ]) {
      expect(mergeByTime(segments)).toEqual(segments);
    }
  });

  it('shows a routed copy with a lower TTL and the same identification', () => {
    const [first, second] = sampleTalk().toPackets(duplicateAll(whole, 1));
    expect([first!.bytes[22], second!.bytes[22]]).toEqual([64, 63]);
    expect(first!.bytes.subarray(18, 20)).toEqual(second!.bytes.subarray(18, 20));
  });

  it('writes the checksums of a sender with offload', () => {
    const packets = sampleTalk().toPackets(offloadChecksums(whole, 'client', 0x4321));
    const sums = packets.map(({ bytes }) => (bytes[50]! << 8) | bytes[51]!);
    expect(sums.map((sum) => sum === 0x4321)).toEqual(whole.map((s) => s.from === 'client'));
  });

  it('cuts packets and remembers how long they were', () => {
    const cut = snapPackets(sampleTalk().toPackets(), 96);
    expect(Math.max(...cut.map((p) => p.bytes.length))).toBe(96);
    expect(Math.max(...cut.map((p) => p.wireLen ?? 0))).toBe(1514);
  });

  it('refuses to damage what is not there', () => {
    expect(() => loseData(whole, 'server', 3)).toThrow('the server sent no data segment number 3');
    expect(() => swapData(whole, 'client', 0)).toThrow('the client sent no data segment number 1');
    expect(() => withoutOpening(whole.filter((s) => s.flags & Tcp.Syn))).toThrow('carries no data');
  });
});
