/**
 * Flows' time in a live capture. Packet time rules, since a ring may lag behind; where no packet waits, the time goes on by the monotonic
 * clock, so that a flow that fell silent ends; and where the clock that stamps packets jumps, flows' time does not.
 *
 *     packet second      100  101  102  3702  3703        the clock was set by an hour
 *     flows' second      100  101  102   102   103        no flow was idle for an hour
 *
 * Packets of one ring come in order of time. So a second that lies before the one at hand, or further ahead than the monotonic clock
 * went on, with some slack, is a jump. A worker that stood still (stopped by a signal, say) sees one too where there is none: then
 * time-outs come later by as long as it stood, which does no harm. Times in events are the packets' own and jump with their clock.
 */
import type { FlowClock } from './pipeline.ts';

/** A clock that is adjusted moves by less; a step by less does not matter to a time-out of a minute. */
const MAX_LEAP_S = 10;

export class LiveClock implements FlowClock {
  /** Milliseconds of a clock that never jumps. */
  readonly #nowMs: () => number;
  /** What is added to packet seconds. */
  #shift = 0;
  /** The last answer to a packet, and when that was. */
  #second = 0;
  #atMs = 0;
  #hasBegun = false;
  /** Steps of the packets' clock that were seen. */
  jumps = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  secondOf(packetSecond: number): number {
    const nowMs = this.#nowMs();
    if (this.#hasBegun) {
      const elapsedS = (nowMs - this.#atMs) / 1000;
      const ahead = (packetSecond + this.#shift - this.#second) | 0;
      if (ahead < -MAX_LEAP_S || ahead > elapsedS + MAX_LEAP_S) {
        this.jumps += 1;
        this.#shift = (this.#second + Math.floor(elapsedS) - packetSecond) | 0;
      }
    }
    const second = (packetSecond + this.#shift) | 0;
    // Going back by little, time stands: so steps add up, and are seen as a jump when they are too many.
    if (this.#hasBegun && ((second - this.#second) | 0) < 0) return this.#second;
    this.#hasBegun = true;
    this.#second = second;
    this.#atMs = nowMs;
    return second;
  }

  idleSecond(): number | null {
    if (!this.#hasBegun) return null;
    return (this.#second + Math.floor((this.#nowMs() - this.#atMs) / 1000)) | 0;
  }
}
