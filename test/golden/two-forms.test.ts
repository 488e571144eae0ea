/** One run, two outputs: what is in the one is in the other. */
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PCAPS } from '../cli/fake-io.ts';
import { toJsonForm } from '../event/built-events.ts';
import { CORPUS } from '../support/tiny-capture.ts';
import { replay } from './replayed-events.ts';

const obstacle = existsSync(CORPUS) ? '' : ' (skipped: no corpus at ../shared/corpus)';

it('our own captures have the same events in JSON and in protobuf', async () => {
  await expectSameEvents(PCAPS, 39);
});

it.skipIf(obstacle !== '')(`the corpus has the same events in JSON and in protobuf${obstacle}`, async () => {
  await expectSameEvents(CORPUS, 800);
});

async function expectSameEvents(capture: string, atLeast: number): Promise<void> {
  const { envelopes, messages } = await replay(capture);
  expect(envelopes.length).toBeGreaterThanOrEqual(atLeast);
  expect(messages).toHaveLength(envelopes.length);
  for (const [i, { event, time }] of envelopes.entries()) {
    const message = messages[i]!;
    expect(toJsonForm(message)).toEqual(event);
    // The envelope's time is the message's, and never a field of the event.
    expect(message.time_us).toBe(Math.round(Number(time) * 1e6));
  }
}
