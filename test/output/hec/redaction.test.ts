/** A token never leaves: not in an error, a state, a counter, the quarantine, a notice, or what is printed. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { REDACTED, Redactor } from '../../../src/output/hec/redactor.ts';
import { HecSink } from '../../../src/output/hec/sender.ts';
import { json, startAnswerServer } from './answer-server.ts';
import { MemoryConsumer } from './memory-consumer.ts';
import { newFolder, startSink, testConfig, until } from './run-sink.ts';

const SECRET = '0f0e0d0c-1111-4222-8333-SECRET445566';
const OLD_SECRET = 'aaaabbbb-9999-4222-8333-0ldSecret';
const PROXY_PASSWORD = 'pr0xy:pass/word';

function expectClean(text: string): void {
  for (const secret of [SECRET, OLD_SECRET, PROXY_PASSWORD]) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
      expect(text.toLowerCase()).not.toContain(form.toLowerCase());
    }
  }
}

describe('a token', () => {
  it('is in nothing that leaves the sink, though the server repeats it in everything it says', async () => {
    const written: string[] = [];
    const writeOut = process.stdout.write.bind(process.stdout);
    const writeErr = process.stderr.write.bind(process.stderr);
    process.stdout.write = (chunk) => written.push(String(chunk)) > 0;
    process.stderr.write = (chunk) => written.push(String(chunk)) > 0;
    try {
      const file = path.join(newFolder(), 'token');
      writeFileSync(file, `${SECRET}\n${OLD_SECRET}\n`);
      const echo = (what: string): string =>
        `${what} token=${SECRET} ${SECRET.toUpperCase()} ${encodeURIComponent(SECRET)}`;
      let turn = 0;
      const server = await startAnswerServer(({ what, seqs }) => {
        if (what !== 'event') return null;
        if (seqs.length === 1) return json(400, { text: echo('blank'), code: 13, 'invalid-event-number': 0 });
        turn += 1;
        if (turn % 4 === 0) return 'reset';
        if (turn % 4 === 1) return json(403, { text: echo('Invalid token'), code: 4 });
        if (turn % 4 === 2) return { status: 500, body: `<html><title>${echo('error')}</title></html>` };
        return { status: 404, body: echo('not found') };
      });
      const consumer = new MemoryConsumer();
      for (let i = 0; i < 4; i++) consumer.appendEvents(1 + (i % 2));
      const config = testConfig([server.url.replace('//', '//user:pass1234@')], { tokenFile: file, holdRetryMs: 20 });
      const { sink, changes } = startSink(config, consumer);
      await until(() => turn > 12, 'the server has said much');
      const texts = [
        JSON.stringify(sink.status()),
        JSON.stringify(changes),
        JSON.stringify([...sink.counters.requests]),
        inspect(sink, { depth: 12, showHidden: true }),
        readFileSync(config.quarantineFile, 'utf8'),
        process.title,
        process.argv.join(' '),
        sink.redact(`the token is ${SECRET}, before it was ${OLD_SECRET}`),
      ];
      for (const text of texts) expectClean(text);
      expect(JSON.stringify(changes)).toContain(REDACTED);
      expect(readFileSync(config.quarantineFile, 'utf8')).toContain(REDACTED);
    } finally {
      process.stdout.write = writeOut;
      process.stderr.write = writeErr;
    }
    expectClean(written.join(''));
  });

  it('and a password of a proxy are in no error of a configuration', () => {
    const make = (more: Parameters<typeof testConfig>[1]): unknown => {
      try {
        return new HecSink(testConfig(['https://127.0.0.1:1'], more));
      } catch (error) {
        return error;
      }
    };
    const errors = [
      make({ token: `${SECRET} with a space` }),
      make({ token: SECRET, oldToken: `${OLD_SECRET}\n` }),
      make({ token: SECRET, proxy: `ftp://user:${encodeURIComponent(PROXY_PASSWORD)}@proxy` }),
      make({ token: SECRET, proxy: `no url ${PROXY_PASSWORD}` }),
      make({ token: SECRET, endpoints: [{ url: `gopher://x:${SECRET}@y`, weight: 1 }] }),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error);
      expectClean(inspect(error, { depth: 8, showHidden: true }));
    }
  });
});

describe('Redactor', () => {
  it('finds a secret in either case and in the forms in which it is echoed', () => {
    const redactor = new Redactor();
    redactor.learn('Se"cret/1');
    const echoes = [
      'Se"cret/1',
      'SE"CRET/1',
      encodeURIComponent('Se"cret/1'),
      'Se\\"cret/1',
      Buffer.from('Se"cret/1').toString('base64'),
    ];
    for (const echo of echoes) expect(redactor.redact(`a ${echo} b ${echo}`)).toBe(`a ${REDACTED} b ${REDACTED}`);
  });

  it('leaves a text alone in which there is none, and words that are too short to be secrets', () => {
    const redactor = new Redactor();
    redactor.learn('');
    redactor.learn('the');
    expect(redactor.redact('the quick İ fox')).toBe('the quick İ fox');
  });

  it('forgets the oldest secrets before it fills the memory', () => {
    const redactor = new Redactor();
    for (let i = 0; i < 2_000; i++) redactor.learn(`secret-${i}`);
    expect(redactor.redact('secret-1999')).toBe(REDACTED);
    expect(redactor.redact('secret-0 ')).toBe('secret-0 ');
  });
});
