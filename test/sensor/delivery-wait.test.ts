import { describe, expect, it } from 'vitest';
import type { HecStatus } from '../../src/output/hec/hec-status.ts';
import { type AwaitedDelivery, waitForDelivery } from '../../src/sensor/delivery-wait.ts';

const NEVER = new AbortController().signal;

function status(more: Partial<HecStatus> = {}): HecStatus {
  return {
    state: 'delivering',
    reason: '',
    text: '',
    endpoints: [],
    inFlight: 0,
    outstandingAcks: 0,
    waiting: 0,
    parked: 0,
    bytesInHand: 0,
    isCatchingUp: false,
    tokenFault: null,
    tlsFault: null,
    quarantineFault: null,
    ...more,
  };
}

function stuck(more: Partial<AwaitedDelivery> = {}): AwaitedDelivery {
  return { isDone: () => false, hasFailed: () => false, progress: () => 0, status: () => status(), ...more };
}

async function timed(delivery: AwaitedDelivery, idleMs: number, ackMs: number): Promise<[string, number]> {
  const startMs = performance.now();
  const end = await waitForDelivery(delivery, { idleMs, ackMs }, NEVER, () => {});
  return [end, performance.now() - startMs];
}

describe('waiting for a delivery', () => {
  it('does not wait for what is done, even without patience', async () => {
    expect((await timed(stuck({ isDone: () => true }), 0, 0))[0]).toBe('done');
  });

  it('ends at once with no patience, with a failure, or when interrupted', async () => {
    expect((await timed(stuck(), 0, 0))[0]).toBe('no_progress');
    expect((await timed(stuck({ hasFailed: () => true }), 1e6, 1e6))[0]).toBe('failed');
    expect(await waitForDelivery(stuck(), { idleMs: 1e6, ackMs: 1e6 }, AbortSignal.abort(), () => {})).toBe(
      'interrupted',
    );
  });

  it('goes on as long as there is progress', async () => {
    const startMs = performance.now();
    const elapsed = () => performance.now() - startMs;
    const moving = stuck({ isDone: () => elapsed() > 600, progress: elapsed });
    expect((await timed(moving, 200, 200))[0]).toBe('done');
  });

  it('has more patience with acknowledgements, but only of a server that is well', async () => {
    const [end, ms] = await timed(stuck({ status: () => status({ outstandingAcks: 1 }) }), 0, 400);
    expect(end).toBe('no_progress');
    expect(ms).toBeGreaterThanOrEqual(400);
    const holding = stuck({ status: () => status({ outstandingAcks: 1, state: 'holding' }) });
    expect((await timed(holding, 0, 1e6))[0]).toBe('no_progress');
  });
});
