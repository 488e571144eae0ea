import { describe, expect, it } from 'vitest';
import { STRIDE, State, TIMES, Time, Word } from '../../src/flow/flow-table.ts';
import {
  IDLE_TIMEOUT_S,
  MAX_HELD_BYTES_TOTAL,
  MAX_HELD_RUNS,
  MAX_OPENINGS,
  REORDER_PACKETS,
} from '../../src/flow/limits.ts';
import { FlowEnd, GapReason } from '../../src/flow/stream-handler.ts';
import { ACK, FIN_ACK, FlowWire, type Packet, PSH_ACK, RST, SYN, SYN_ACK } from '../support/flow-wire.ts';

/** A connection that side 0 opens: its data begins at 100, that of side 1 at 500. */
function opened(options: Partial<Packet> = {}, wire = new FlowWire()): FlowWire {
  wire.send({ side: 0, flags: SYN, seq: 99, ...options });
  wire.send({ side: 1, flags: SYN_ACK, seq: 499, ack: 100, ...options });
  return wire.send({ side: 0, flags: ACK, seq: 100, ack: 500, ...options });
}

/** The one flow of the table. */
function flowOf({ tracker: { table } }: FlowWire): number {
  return table.oldestLive >= 0 ? table.oldestLive : table.oldestOpening;
}

function word(wire: FlowWire, at: number): number {
  return wire.tracker.table.words[flowOf(wire) * STRIDE + at]!;
}

describe('TcpTracker: order', () => {
  it('delivers what comes in order, of both sides', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 100, text: 'hello ' }).send({ side: 0, seq: 106, text: 'world' });
    wire.send({ side: 1, seq: 500, text: 'hi' });
    expect(wire.heard(0)).toBe('hello world');
    expect(wire.heard(1)).toBe('hi');
    expect(wire.tracker.counters.outOfOrderSegments).toBe(0);
  });

  it('puts segments in order that came in reverse', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 104, text: 'ef' }).send({ side: 0, seq: 102, text: 'cd' });
    expect(wire.heard(0)).toBe('');
    expect(wire.tracker.heldBytes).toBeGreaterThan(0);
    wire.send({ side: 0, seq: 100, text: 'ab' });
    expect(wire.heard(0)).toBe('abcdef');
    expect(wire.tracker.heldBytes).toBe(0);
  });

  it('delivers once what comes twice, and counts it', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 100, text: 'abc' }).send({ side: 0, seq: 100, text: 'abc' });
    wire.send({ side: 0, seq: 102, text: 'cde' });
    expect(wire.heard(0)).toBe('abcde');
    expect(wire.tracker.counters.duplicateSegments).toBe(1);
    expect(word(wire, Word.DuplicatesA)).toBe(1);
  });

  it('takes a keep-alive for what it is', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 100, text: 'abc' });
    wire.send({ side: 0, seq: 102, payload: Uint8Array.of(0), flags: ACK });
    wire.send({ side: 0, seq: 103, text: 'd' });
    expect(wire.heard(0)).toBe('abcd');
  });

  it('lets the bytes that were held first win over those that fill the hole and go on', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 103, text: 'DEF' });
    wire.send({ side: 0, seq: 100, text: 'abcdefgh' });
    expect(wire.heard(0)).toBe('abcDEFgh');
    expect(wire.tracker.counters.conflictBytes).toBe(3);
    expect(word(wire, Word.Conflicts)).toBe(3);
    expect(wire.tracker.heldBytes).toBe(0);
  });

  it('fills several holes with one segment', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 102, text: 'c' }).send({ side: 0, seq: 104, text: 'e' });
    wire.send({ side: 0, seq: 100, text: 'abcdefg' });
    expect(wire.heard(0)).toBe('abcdefg');
    expect(wire.tracker.counters.conflictBytes).toBe(0);
  });

  it('goes on over the wraps of the sequence number', () => {
    for (const first of [0x7ffffffe, 0xfffffffe]) {
      const wire = new FlowWire();
      wire.send({ side: 0, flags: SYN, seq: first - 1 });
      wire.send({ side: 0, seq: first + 2, text: 'cd' }).send({ side: 0, seq: first, text: 'ab' });
      wire.send({ side: 0, seq: first + 4, text: 'ef' });
      expect(wire.heard(0)).toBe('abcdef');
    }
  });

  it('drops a segment that is not of this connection', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 100 + 0x40000001, text: 'x' }).send({ side: 0, seq: 100, text: 'ab' });
    expect(wire.heard(0)).toBe('ab');
    expect(wire.tracker.counters.strangeSegments).toBe(1);
  });
});

describe('TcpTracker: beginnings', () => {
  it('delivers data of a SYN, and not again when it is sent again', () => {
    const wire = new FlowWire();
    wire.send({ side: 0, flags: SYN, seq: 99, text: 'early' });
    wire.send({ side: 1, flags: SYN_ACK, seq: 499 });
    wire.send({ side: 0, seq: 100, text: 'early' }).send({ side: 0, seq: 105, text: '.' });
    expect(wire.heard(0)).toBe('early.');
  });

  it('begins in the middle where there was no SYN', () => {
    const wire = new FlowWire();
    wire.send({ side: 0, seq: 5000, text: 'ab' }).send({ side: 1, seq: 7000, text: 'AB' });
    wire.send({ side: 0, seq: 5002, text: 'cd' });
    expect([wire.heard(0), wire.heard(1)]).toEqual(['abcd', 'AB']);
  });

  it('takes a SYN that comes after its data for the same connection', () => {
    const wire = new FlowWire();
    wire.send({ side: 0, seq: 100, text: 'ab' }).send({ side: 0, flags: SYN, seq: 99 });
    wire.send({ side: 0, seq: 102, text: 'cd' });
    expect(wire.heard(0)).toBe('abcd');
    expect(wire.tracker.counters.reused).toBe(0);
  });

  it('takes a SYN that its answer overtook for the same connection', () => {
    const wire = new FlowWire();
    wire.send({ side: 1, flags: SYN_ACK, seq: 499 }).send({ side: 0, flags: SYN, seq: 99 });
    wire.send({ side: 1, seq: 502, text: 'cd' }).send({ side: 1, seq: 500, text: 'ab' });
    expect(wire.heard(1)).toBe('abcd');
    expect(wire.tracker.counters).toMatchObject({ reused: 0, flows: 1 });
  });

  it('lets the first data decide between two SYN-ACKs that differ', () => {
    const wire = new FlowWire();
    wire.send({ side: 0, flags: SYN, seq: 99 });
    wire.send({ side: 1, flags: SYN_ACK, seq: 499 }).send({ side: 1, flags: SYN_ACK, seq: 2_000_000_000 });
    wire.send({ side: 1, flags: SYN_ACK, seq: 499 });
    wire.send({ side: 1, seq: 2_000_000_001, text: 'ok' });
    expect(wire.heard(1)).toBe('ok');
  });

  it('opens no flow for a packet without SYN and data', () => {
    const wire = new FlowWire();
    for (const flags of [ACK, FIN_ACK, RST, SYN | RST]) wire.send({ side: 0, seq: 1, flags });
    expect(wire.tracker.table.size).toBe(0);
    expect(wire.tracker.counters.strayPackets).toBe(4);
  });

  it('ends the old connection when a SYN with another number comes, and delivers first what was held', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 100, text: 'old' }).send({ side: 0, seq: 105, text: '!' });
    wire.send({ side: 0, flags: SYN, seq: 80_000 }).send({ side: 0, seq: 80_001, text: 'new' });
    expect(wire.heard(0)).toBe('old[2]!new');
    expect(wire.ends).toEqual([FlowEnd.Reused]);
    expect(wire.tracker.counters).toMatchObject({ reused: 1, flows: 2 });
    expect(word(wire, Word.Number)).toBe(2);
    expect(word(wire, Word.BytesA)).toBe(3);
  });

  it('takes a SYN-ACK with another number for a new connection where the client is not in the capture', () => {
    const wire = new FlowWire();
    wire.send({ side: 1, flags: SYN_ACK, seq: 499 }).send({ side: 1, seq: 500, text: 'old' });
    wire.send({ side: 1, flags: SYN_ACK, seq: 9000 }).send({ side: 1, seq: 9001, text: 'new' });
    expect(wire.heard(1)).toBe('oldnew');
    expect(wire.ends).toEqual([FlowEnd.Reused]);
  });

  it('does not take a repeated SYN for a new connection', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 100, text: 'ab' }).send({ side: 0, flags: SYN, seq: 99 });
    wire.send({ side: 1, flags: SYN_ACK, seq: 499 }).send({ side: 0, seq: 102, text: 'cd' });
    expect(wire.heard(0)).toBe('abcd');
    expect(wire.ends).toEqual([]);
  });

  it('knows who opened the connection and how long the round trips took', () => {
    const wire = new FlowWire();
    wire.send({ side: 1, flags: SYN, seq: 499, at: 0 }).send({ side: 0, flags: SYN_ACK, seq: 99, at: 1 });
    wire.send({ side: 1, flags: ACK, seq: 500, at: 3 });
    expect(word(wire, Word.State) & (State.OpenedByA | State.OpenedByB)).toBe(State.OpenedByB);
    const times = wire.tracker.table.times.subarray(0, TIMES);
    expect(times[Time.SynAck]! - times[Time.Syn]!).toBe(1e6);
    expect(times[Time.Ack]! - times[Time.SynAck]!).toBe(2e6);
  });

  it('reads IPv6 as it reads IPv4', () => {
    const wire = opened({}, new FlowWire({}, true));
    wire.send({ side: 1, seq: 500, text: 'x' }).send({ side: 0, seq: 100, text: 'ab' });
    expect([wire.heard(0), wire.heard(1)]).toEqual(['ab', 'x']);
    expect(wire.tracker.table.size).toBe(1);
  });
});

describe('TcpTracker: zeros that may be padding', () => {
  const zeros = (n: number) => new Uint8Array(n);

  it('drops the padding of an ACK, and of a SYN-ACK and a FIN', () => {
    const wire = new FlowWire();
    wire.send({ side: 0, flags: SYN, seq: 99 });
    wire.send({ side: 1, flags: SYN_ACK, seq: 499, payload: zeros(2) });
    wire.send({ side: 0, flags: ACK, seq: 100, payload: zeros(6) }).send({ side: 0, seq: 100, text: 'hello' });
    wire.send({ side: 1, flags: ACK, seq: 500, payload: zeros(6) }).send({ side: 1, seq: 500, text: 'hi' });
    wire.send({ side: 0, flags: FIN_ACK, seq: 105, payload: zeros(6) });
    wire.send({ side: 1, flags: FIN_ACK, seq: 502, payload: zeros(6) });
    expect([wire.heard(0), wire.heard(1)]).toEqual(['hello', 'hi']);
    expect(wire.ends).toEqual([FlowEnd.Closed]);
  });

  it('delivers zeros that the next segment says are data', () => {
    const wire = opened();
    wire.send({ side: 0, flags: ACK, seq: 100, payload: zeros(3) }).send({ side: 0, seq: 103, text: 'abc' });
    expect(wire.heard(0)).toBe('\0\0\0abc');
  });

  it('delivers zeros one by one', () => {
    const wire = opened();
    for (let i = 0; i < 5; i++) wire.send({ side: 0, flags: ACK, seq: 100 + i, payload: zeros(1) });
    wire.send({ side: 0, seq: 105, text: 'x' });
    expect(wire.heard(0)).toBe('\0\0\0\0\0x');
  });

  it('delivers zeros that a FIN says are data', () => {
    const wire = opened();
    wire.send({ side: 0, flags: ACK, seq: 100, payload: zeros(2) });
    wire.send({ side: 0, flags: FIN_ACK, seq: 102 }).send({ side: 1, flags: FIN_ACK, seq: 500 });
    expect(wire.heard(0)).toBe('\0\0');
    expect(wire.ends).toEqual([FlowEnd.Closed]);
  });

  it('delivers zeros before what is held behind them', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 102, text: 'x' }).send({ side: 0, flags: ACK, seq: 100, payload: zeros(2) });
    expect(wire.heard(0)).toBe('\0\0x');
    const other = opened();
    other.send({ side: 0, flags: ACK, seq: 100, payload: zeros(2) }).send({ side: 0, seq: 104, text: 'y' });
    other.send({ side: 0, seq: 102, text: 'ab' });
    expect(other.heard(0)).toBe('\0\0aby');
  });

  it('delivers zeros at once that were pushed', () => {
    const wire = opened();
    wire.send({ side: 0, flags: PSH_ACK, seq: 100, payload: zeros(2) });
    expect(wire.heard(0)).toBe('\0\0');
  });
});

describe('TcpTracker: holes', () => {
  it('gives a hole up some packets after the receiver acknowledged past it', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 100, text: 'ab' }).send({ side: 0, seq: 105, text: 'fg' });
    wire.send({ side: 1, flags: ACK, seq: 500, ack: 107 });
    for (let i = 1; i < REORDER_PACKETS; i++) wire.send({ side: 1, flags: ACK, seq: 500, ack: 107 });
    expect(wire.heard(0)).toBe('ab');
    wire.send({ side: 1, flags: ACK, seq: 500, ack: 107 });
    expect(wire.heard(0)).toBe('ab[3]fg');
    expect(wire.tracker.counters).toMatchObject({ gaps: 1, gapBytes: 3 });
    expect(word(wire, Word.GapsA)).toBe(1);
  });

  it('gives a hole up some time after the receiver acknowledged past it', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 102, text: 'cd' }).send({ side: 1, flags: ACK, seq: 500, ack: 104 });
    wire.send({ side: 0, seq: 104, text: 'ef', at: 1 });
    expect(wire.heard(0)).toBe('[2]cdef');
  });

  it('waits for a hole that the receiver did not acknowledge', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 102, text: 'cd' });
    for (let i = 0; i < 100; i++) wire.send({ side: 1, flags: ACK, seq: 500, ack: 100, at: i / 2 });
    expect(wire.heard(0)).toBe('');
    wire.send({ side: 0, seq: 100, text: 'ab', at: 50 });
    expect(wire.heard(0)).toBe('abcd');
  });

  it('waits for a hole that the capture fills late', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 102, text: 'cd' }).send({ side: 1, flags: ACK, seq: 500, ack: 104 });
    wire.send({ side: 0, seq: 100, text: 'ab' });
    expect(wire.heard(0)).toBe('abcd');
    expect(wire.tracker.counters.gaps).toBe(0);
  });

  it('gives a hole up when the direction holds too many runs, and loses nothing else', () => {
    const wire = opened();
    let expected = '[1]';
    for (let i = 0; i <= MAX_HELD_RUNS; i++) {
      wire.send({ side: 0, seq: 101 + 2 * i, text: 'x' });
      expected += i === 0 ? 'x' : '[1]x';
    }
    expect(wire.heard(0)).toBe('[1]x');
    expect(wire.tracker.counters.heldRefused).toBe(1);
    wire.tracker.finish(FlowEnd.CaptureEnd);
    expect(wire.heard(0)).toBe(expected);
    expect(wire.tracker.heldBytes).toBe(0);
  });

  it('delivers a refused segment itself when giving up the hole makes it the next', () => {
    const wire = opened();
    for (let i = 0; i <= MAX_HELD_RUNS; i++) wire.send({ side: 0, seq: 101 + i, text: 'x' });
    expect(wire.heard(0)).toBe(`[1]${'x'.repeat(MAX_HELD_RUNS + 1)}`);
  });

  it('tells of bytes that the snap length cut, and of no more than those', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 100, text: 'abcdef', captured: 2 }).send({ side: 0, seq: 106, text: 'gh' });
    expect(wire.heard(0)).toBe('ab[4]gh');
    expect(wire.recorder.notes[1]).toMatchObject({ kind: 'gap', reason: GapReason.Snapped });
    wire.send({ side: 0, seq: 106, text: 'ghijk', captured: 1 });
    expect(wire.heard(0)).toBe('ab[4]gh[3]');
    expect(wire.tracker.counters).toMatchObject({ snappedSegments: 2, gaps: 0 });
  });

  it('holds nothing of a segment of which nothing was captured', () => {
    const wire = opened();
    wire.send({ side: 0, seq: 105, text: 'abc', captured: 0 });
    expect(wire.tracker.heldBytes).toBe(0);
    wire.send({ side: 0, seq: 100, text: 'hello' });
    expect(wire.heard(0)).toBe('hello');
  });

  it('delivers what is held when the flow ends, with the time at which it came', () => {
    const wire = opened({ at: 0 });
    wire.send({ side: 0, seq: 103, text: 'x', at: 1 });
    const times: number[] = [];
    wire.recorder.enough = () => {
      times.push(wire.tracker.nowUs);
      return false;
    };
    wire.send({ side: 1, port: 2000, flags: SYN, seq: 0, at: 2 + IDLE_TIMEOUT_S });
    expect(wire.heard(0)).toBe('[3]x');
    expect(wire.ends).toEqual([FlowEnd.Idle]);
    expect(wire.tracker.nowUs - times[0]!).toBe((1 + IDLE_TIMEOUT_S) * 1e6);
  });

  it('gives up the oldest holes when all directions hold too much, and ends no flow for it', () => {
    const wire = new FlowWire();
    const payload = new Uint8Array(60_000).fill(0x61);
    wire.send({ side: 0, port: 9, flags: SYN, seq: 99 });
    let flows = 0;
    while (wire.tracker.counters.holesEvicted === 0 && flows < 2000) {
      wire.send({ side: 0, port: 1000 + flows, flags: SYN, seq: 99 });
      wire.send({ side: 0, port: 1000 + flows, seq: 101, payload });
      flows += 1;
      expect(wire.tracker.heldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES_TOTAL);
    }
    expect(flows).toBe(Math.ceil(MAX_HELD_BYTES_TOTAL / 60_256));
    expect(wire.recorder.notes[0]).toMatchObject({ kind: 'gap', missing: 1 });
    expect(wire.tracker.counters.evicted).toBe(0);
    expect(wire.tracker.table.size).toBe(flows + 1);
    wire.tracker.finish(FlowEnd.CaptureEnd);
    expect(wire.tracker.heldBytes).toBe(0);
  });
});

describe('TcpTracker: ends', () => {
  it('closes when both sides have sent their FIN and all before it', () => {
    const wire = opened();
    wire.send({ side: 1, flags: FIN_ACK, seq: 500, text: 'bye' });
    wire.send({ side: 0, flags: FIN_ACK, seq: 102 });
    expect(wire.ends).toEqual([]);
    wire.send({ side: 0, seq: 100, text: 'ab' });
    expect([wire.heard(0), wire.heard(1)]).toEqual(['ab', 'bye']);
    expect(wire.ends).toEqual([FlowEnd.Closed]);
    expect(wire.tracker.table.size).toBe(0);
  });

  it('delivers data of a RST before it ends', () => {
    const wire = opened();
    wire.send({ side: 1, flags: RST, seq: 500, text: 'why' });
    expect(wire.heard(1)).toBe('why');
    expect(wire.ends).toEqual([FlowEnd.Reset]);
  });

  it('notes a reset that is far from the sequence, and goes on', () => {
    const wire = opened();
    wire.send({ side: 1, flags: RST, seq: 900_000 }).send({ side: 0, seq: 100, text: 'ab' });
    expect(wire.ends).toEqual([]);
    expect(word(wire, Word.State) & State.Reset).toBe(State.Reset);
    expect(wire.heard(0)).toBe('ab');
  });

  it('ends flows that were idle, in packet time, oldest first', () => {
    const wire = opened({ port: 1, at: 0 });
    opened({ port: 2, at: 10 }, wire);
    wire.send({ side: 0, port: 1, seq: 100, text: 'x', at: 20 });
    wire.send({ side: 0, port: 3, flags: SYN, seq: 1, at: 10 + IDLE_TIMEOUT_S });
    expect(wire.ends).toEqual([FlowEnd.Idle]);
    expect(wire.tracker.table.size).toBe(2);
    expect(word(wire, Word.Ports) >>> 16).toBe(1);
  });

  it('does not go back in time', () => {
    const wire = opened({ at: 1000 });
    wire.send({ side: 0, seq: 100, text: 'x', at: 0 });
    opened({ port: 2, at: 1010 }, wire);
    expect(wire.ends).toEqual([]);
  });

  it('evicts the flow that was idle longest when the table is full', () => {
    const wire = opened({ port: 1, at: 0 }, new FlowWire({ maxFlows: 2 }));
    opened({ port: 2, at: 1 }, wire);
    wire.send({ side: 0, port: 2, seq: 100, text: 'x', at: 2 }).send({ side: 0, port: 1, seq: 100, text: 'x', at: 3 });
    opened({ port: 3, at: 4 }, wire);
    expect(wire.tracker.counters.evicted).toBe(0);
    wire.send({ side: 0, port: 3, seq: 100, text: 'x', at: 5 });
    expect(wire.tracker.counters.evicted).toBe(1);
    expect(wire.ends).toEqual([FlowEnd.Evicted]);
    expect(word(wire, Word.Ports) >>> 16).toBe(1);
  });

  it('lets a flood of SYNs push out nothing but SYNs', () => {
    const wire = opened({ port: 1 });
    wire.send({ side: 0, port: 1, seq: 100, text: 'ab' });
    const flood = MAX_OPENINGS + 1000;
    for (let port = 2; port < 2 + flood; port++) wire.send({ side: 0, port, flags: SYN, seq: port });
    wire.send({ side: 0, port: 1, seq: 102, text: 'cd' });
    expect(wire.heard(0)).toBe('abcd');
    expect(wire.tracker.table).toMatchObject({ size: MAX_OPENINGS + 1, openings: MAX_OPENINGS });
    expect(wire.tracker.counters).toMatchObject({ evicted: 0, openingsForgotten: 1000 });
  });

  it('hears no more of a flow that nobody wants, until its five-tuple is used anew', () => {
    const wire = opened();
    wire.recorder.enough = () => true;
    wire.send({ side: 0, seq: 100, text: 'ab' }).send({ side: 0, seq: 102, text: 'cd' });
    wire.send({ side: 0, flags: SYN, seq: 99 }).send({ side: 1, seq: 500, text: 'x' });
    expect([wire.heard(0), wire.heard(1)]).toEqual(['ab', '']);
    wire.send({ side: 0, flags: SYN, seq: 7000 }).send({ side: 0, seq: 7001, text: 'new' });
    expect(wire.heard(0)).toBe('abnew');
    expect(wire.ends).toEqual([]);
  });

  it('drops what is held of a flow that nobody wants', () => {
    const wire = opened();
    wire.recorder.enough = () => true;
    wire.send({ side: 0, seq: 110, text: 'later' }).send({ side: 1, seq: 510, text: 'later' });
    wire.send({ side: 0, seq: 100, text: 'ab' });
    expect(wire.tracker.heldBytes).toBe(0);
    wire.tracker.finish(FlowEnd.CaptureEnd);
    expect(wire.ends).toEqual([]);
  });

  it('takes a finished flow out of the table at its end', () => {
    for (const last of [FIN_ACK, RST]) {
      const wire = opened();
      wire.recorder.enough = () => true;
      wire.send({ side: 0, seq: 100, text: 'ab' });
      wire.send({ side: 0, flags: FIN_ACK, seq: 102 }).send({ side: 1, flags: last, seq: 500 });
      expect(wire.tracker.table.size).toBe(0);
    }
  });
});
