import { describe, expect, it } from 'vitest';
import { POOLED_BUFFER_BYTES, POOLED_BUFFERS } from '../../src/tls/limits.ts';
import { MessageBuffers } from '../../src/tls/message-buffers.ts';

describe('MessageBuffers', () => {
  it('lends a buffer of the usual size for anything that fits, and uses it again', () => {
    const buffers = new MessageBuffers();
    const one = buffers.take(1);
    expect(one.length).toBe(POOLED_BUFFER_BYTES);
    expect(buffers.lentBytes).toBe(POOLED_BUFFER_BYTES);
    buffers.give(one);
    expect(buffers.lentBytes).toBe(0);
    expect(buffers.take(POOLED_BUFFER_BYTES)).toBe(one);
  });

  it('does not keep a larger one', () => {
    const buffers = new MessageBuffers();
    const large = buffers.take(POOLED_BUFFER_BYTES + 1);
    expect(large.length).toBe(POOLED_BUFFER_BYTES + 1);
    buffers.give(large);
    expect(buffers.take(POOLED_BUFFER_BYTES + 1)).not.toBe(large);
  });

  it('grows to at least twice the size, with the bytes used so far', () => {
    const buffers = new MessageBuffers();
    const small = buffers.take(10);
    small.set([1, 2, 3, 4]);
    const larger = buffers.grow(small, 3, 10);
    expect(larger.length).toBe(2 * POOLED_BUFFER_BYTES);
    expect([...larger.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
    expect(buffers.lentBytes).toBe(larger.length);
    expect(buffers.grow(larger, 3, 100_000).length).toBe(100_000);
  });

  it('keeps no more than its cap', () => {
    const buffers = new MessageBuffers();
    const lent = Array.from({ length: POOLED_BUFFERS + 1 }, () => buffers.take(1));
    for (const buf of lent) buffers.give(buf);
    const again = new Set(Array.from({ length: POOLED_BUFFERS + 1 }, () => buffers.take(1)));
    expect(again.size).toBe(POOLED_BUFFERS + 1);
    expect(lent.filter((buf) => again.has(buf)).length).toBe(POOLED_BUFFERS);
  });
});
