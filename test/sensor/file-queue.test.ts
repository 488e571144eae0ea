import { describe, expect, it } from 'vitest';
import { NDJSON } from '../../src/output/event-encoding.ts';
import { OutputError } from '../../src/output/output-error.ts';
import { type EventTarget, PatientTarget } from '../../src/output/patient-target.ts';
import { FileQueue } from '../../src/sensor/file-queue.ts';

const BATCH_BYTES = 100;

/** Takes what is written when it is told to. */
class SlowTarget implements EventTarget {
  readonly written: number[] = [];
  isClosed = false;
  #waiting: ((error: Error | null) => void)[] = [];

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push((error) => {
        if (error !== null) {
          reject(error);
          return;
        }
        this.written.push(bytes[0]!);
        resolve();
      });
    });
  }

  async takeOne(error: Error | null = null): Promise<void> {
    this.#waiting.shift()!(error);
    await new Promise(setImmediate);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

function open(maxBytes: number) {
  const target = new SlowTarget();
  const faults: string[] = [];
  const onFault = (fault: string): void => void faults.push(fault);
  const options = { name: 'ndjson', encoding: NDJSON, maxBytes, healthBootId: 'health', onFault };
  const queue = new FileQueue(options, new PatientTarget(target, onFault));
  const released: number[] = [];
  let puts = 0;
  /** Its number is its bytes. */
  const put = (bootId: string): void => {
    const number = puts++;
    const lines = new Uint8Array(BATCH_BYTES).fill(number);
    const release = (): void => void released.push(number);
    queue.put({ bootId, firstSeq: number, count: 1, lines, ends: Uint32Array.of(BATCH_BYTES), release });
  };
  return { target, queue, faults, released, put };
}

describe('the queue of a file', () => {
  it('drops the oldest of the stream that has too much, and never what is in hand', async () => {
    const { target, queue, faults, released, put } = open(3 * BATCH_BYTES);
    for (const bootId of ['a', 'a', 'b', 'a', 'a', 'a', 'b']) put(bootId);
    // 0 is in hand; of stream a, 1 and 3 had to go.
    expect(released).toEqual([1, 3]);
    expect(queue.run.toCounts()).toEqual({ written: 7, acknowledged: 0, queued: 5, dropped: { queue_full: 2 } });
    expect(queue.writeFault).toContain('does not take events as fast as they come');
    for (let n = 0; n < 5; n++) await target.takeOne();
    expect(target.written).toEqual([0, 2, 4, 5, 6]);
    expect(released).toEqual([1, 3, 0, 2, 4, 5, 6]);
    expect(queue.run.toCounts()).toEqual({ written: 7, acknowledged: 5, queued: 0, dropped: { queue_full: 2 } });
    expect(faults).toEqual([expect.stringContaining('the oldest are dropped'), '']);
    expect(queue.writeFault).toBe('');
  });

  it('takes a single batch that is larger than its bound', async () => {
    const { target, queue, put } = open(1);
    put('a');
    await target.takeOne();
    expect(queue.run.toCounts()).toEqual({ written: 1, acknowledged: 1, queued: 0, dropped: {} });
  });

  it('gives all up when the reader went away, at once and for all that comes', async () => {
    const { target, queue, released, put } = open(1000 * BATCH_BYTES);
    for (let n = 0; n < 3; n++) put('a');
    await target.takeOne();
    await target.takeOne(new OutputError('closed_by_reader', 'gone'));
    put('a');
    expect(queue.fault).toMatchObject({ code: 'closed_by_reader' });
    expect(released).toEqual([0, 1, 2, 3]);
    expect(queue.run.toCounts()).toEqual({ written: 4, acknowledged: 1, queued: 0, dropped: { nobody_reads: 3 } });
    await queue.flush();
    await queue.close(new Promise(() => undefined));
    expect(target.isClosed).toBe(true);
  });

  it('ends while a write hangs, and what that does later changes nothing', async () => {
    const { target, queue, released, put } = open(1000 * BATCH_BYTES);
    put('a');
    put('health');
    await queue.close(Promise.resolve());
    expect(released).toEqual([0, 1]);
    const counts = { written: 1, acknowledged: 0, queued: 0, dropped: { not_written: 1 } };
    expect([queue.run.toCounts(), queue.health.toCounts()]).toEqual([counts, counts]);
    await target.takeOne();
    expect(queue.run.toCounts()).toEqual(counts);
    expect(target.written).toEqual([0]);
  });

  it('waits at its end for the write in hand', async () => {
    const { target, queue, put } = open(1000 * BATCH_BYTES);
    put('a');
    put('a');
    const closed = queue.close(new Promise(() => undefined));
    await target.takeOne();
    await closed;
    expect(queue.run.toCounts()).toEqual({ written: 2, acknowledged: 1, queued: 0, dropped: { not_written: 1 } });
    expect(target.isClosed).toBe(true);
  });
});
