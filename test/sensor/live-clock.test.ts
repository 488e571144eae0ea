import { describe, expect, it } from 'vitest';
import { LiveClock } from '../../src/sensor/live-clock.ts';

/** A clock in the test's hands; packets come when the test says so. */
class Bench {
  ms = 5_000_000;
  readonly clock = new LiveClock(() => this.ms);

  /** A packet of this second, so many seconds after the one before. */
  packet(second: number, afterS = 0): number {
    this.ms += 1000 * afterS;
    return this.clock.secondOf(second);
  }
}

describe('LiveClock', () => {
  it('is the time of the packets, whatever the other clock says', () => {
    const bench = new Bench();
    expect([bench.packet(100), bench.packet(101, 1), bench.packet(105, 3)]).toEqual([100, 101, 105]);
    expect(bench.clock.jumps).toBe(0);
  });

  it('goes on where no packet waits', () => {
    const bench = new Bench();
    expect(bench.clock.idleSecond()).toBe(null);
    bench.packet(100);
    bench.ms += 59_900;
    expect(bench.clock.idleSecond()).toBe(159);
    expect(bench.packet(161, 1)).toBe(161);
    expect(bench.clock.jumps).toBe(0);
  });

  it('follows a ring that lags, and one that catches up', () => {
    const bench = new Bench();
    bench.packet(100);
    // Eight seconds behind, and then all at once.
    expect(bench.packet(101, 9)).toBe(101);
    expect([102, 103, 104, 105, 106, 107, 108, 109].map((second) => bench.packet(second))).toEqual([
      102, 103, 104, 105, 106, 107, 108, 109,
    ]);
    expect(bench.clock.jumps).toBe(0);
  });

  it('does not follow a clock that is set forward', () => {
    const bench = new Bench();
    bench.packet(100);
    expect(bench.packet(3702, 2)).toBe(102);
    expect(bench.packet(3703, 1)).toBe(103);
    expect(bench.clock.jumps).toBe(1);
  });

  it('does not follow a clock that is set back', () => {
    const bench = new Bench();
    bench.packet(4000);
    expect(bench.packet(400, 2)).toBe(4002);
    expect(bench.packet(401, 1)).toBe(4003);
    expect(bench.clock.jumps).toBe(1);
  });

  it('stands while packets come out of order by a little, and sees steps that add up', () => {
    const bench = new Bench();
    bench.packet(100);
    expect([bench.packet(98), bench.packet(99), bench.packet(100), bench.packet(101)]).toEqual([100, 100, 100, 101]);
    expect([bench.packet(95, 1), bench.packet(91, 1)]).toEqual([101, 101]);
    expect(bench.clock.jumps).toBe(0);
    expect(bench.packet(89, 1)).toBe(104);
    expect(bench.clock.jumps).toBe(1);
  });

  it('counts seconds modulo 2^32', () => {
    const bench = new Bench();
    bench.packet(0x7fff_ffff);
    expect(bench.packet(-0x8000_0000, 1)).toBe(-0x8000_0000);
    expect(bench.clock.jumps).toBe(0);
  });
});
