import { describe, expect, it } from 'vitest';
import { JsonLog, TextLog } from '../../src/cli/log.ts';
import { FakeStream } from './fake-io.ts';

function linesOf(stream: FakeStream): Record<string, unknown>[] {
  return stream.text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describe('the log as JSON', () => {
  it('has one object a line, with level, time, sensor, event and message', () => {
    const stream = new FakeStream();
    const log = new JsonLog(stream, 'info', 'span-7');
    log.write('info', 'start', 'watching eth1', { workers: 2 });
    log.write('debug', 'noise', 'not shown');
    const [line, ...more] = linesOf(stream);
    expect(more).toEqual([]);
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      sensor: 'span-7',
      event: 'start',
      workers: 2,
      msg: 'watching eth1',
    });
  });

  it('never has a secret, in a field or in a text', () => {
    const stream = new FakeStream();
    const log = new JsonLog(stream, 'info', 'span-7');
    log.redact = (text) => text.replaceAll('s3cret', '[token]');
    const fields = { token: 's3cret-1', hec: { token: 'x2', authorization: 'Splunk x3' }, reason: 'it said s3cret' };
    log.write('warn', 'delivery', 'the server said: s3cret', fields);
    expect(stream.text).not.toMatch(/s3cret|x2|x3/);
    expect(linesOf(stream)[0]).toMatchObject({
      token: '[redacted]',
      hec: { token: '[redacted]', authorization: '[redacted]' },
      reason: 'it said [token]',
      msg: 'the server said: [token]',
    });
  });
});

describe('the log as text', () => {
  it('shows messages from its level on, without secrets', () => {
    const shown: string[] = [];
    const log = new TextLog((message) => shown.push(message), 'warn');
    log.redact = (text) => text.replaceAll('s3cret', '[token]');
    log.write('info', 'start', 'watching eth1');
    log.write('error', 'delivery', 's3cret refused');
    expect(shown).toEqual(['[token] refused']);
  });
});
