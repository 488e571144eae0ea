import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig, readConfigFile } from '../../src/cli/config-file.ts';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { UsageError } from '../../src/cli/usage-error.ts';
import { MIN_SPOOL_BYTES } from '../../src/output/spool/limits.ts';
import { capture, makeFolder, runFake } from './fake-io.ts';

function refusalOf(yaml: string): string {
  try {
    parseConfig(yaml, 'x.yaml');
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'was read';
}

describe('parseConfig', () => {
  it('reads every setting', () => {
    const yaml = [
      'sensor: { name: span-7 }',
      'scoring: { mode: faithful, min_risk: 3 }',
      'filter: not port 25',
      'events:',
      '  profile: cisco:asa',
      '  source: lab',
      '  index: network',
      '  hash_case: upper',
      '  community_id: false',
      'output: { ndjson: a, protobuf: b, stats: c }',
      'flows: { max: 1000 }',
      'spool: { path: s, durability: none, max_bytes: 1.5 GB, max_age: 2 h, min_free_disk: 100, policy: drop-newest }',
      'health: { interval: 0 }',
      'metrics: { listen: 9464 }',
      'hec: { endpoints: [{ url: "https://a:8088" }], wait: 5 }',
    ].join('\n');
    expect(parseConfig(yaml, 'x.yaml')).toEqual({
      sensor: { name: 'span-7' },
      scoring: { mode: 'faithful', min_risk: 3 },
      filter: 'not port 25',
      events: { profile: 'cisco:asa', source: 'lab', index: 'network', hash_case: 'upper', community_id: false },
      output: { ndjson: 'a', protobuf: 'b', stats: 'c' },
      flows: { max: 1000 },
      spool: {
        path: 's',
        durability: 'none',
        max_bytes: 1.5e9,
        max_age: 7200,
        min_free_disk: 100,
        policy: 'drop-newest',
      },
      health: { interval: 0 },
      metrics: { listen: '9464' },
      hec: { endpoints: [{ url: 'https://a:8088' }], wait: 5 },
    });
  });

  it('sets nothing from an empty file, or from comments', () => {
    expect(parseConfig('', 'x.yaml')).toEqual({});
    expect(parseConfig('# nothing\n', 'x.yaml')).toEqual({});
  });

  it.each([
    ['scorring:\n  mode: refined', 'x.yaml:1:1: scorring: there is no such setting; did you mean scoring?'],
    ['events:\n  profil: x', 'x.yaml:2:3: events.profil: there is no such setting; did you mean profile?'],
    [
      'events:\n  xyzzy: x',
      'x.yaml:2:3: events.xyzzy: there is no such setting; known here: profile, source, index, hash_case, community_id',
    ],
    ['scoring:\n  mode: both', 'x.yaml:2:9: scoring.mode: must be one of faithful, refined'],
    ['scoring:\n  min_risk: high', 'x.yaml:2:13: scoring.min_risk: must be a whole number'],
    ['scoring:\n  min_risk: 1.5', 'x.yaml:2:13: scoring.min_risk: must be a whole number'],
    ['scoring:\n  min_risk: 9', 'x.yaml:2:13: scoring.min_risk: must be 7 or less'],
    ['flows: { max: 1 }', 'x.yaml:1:15: flows.max: must be 16 or more'],
    ['events:\n  community_id: maybe', 'x.yaml:2:17: events.community_id: must be true or false'],
    ['events:\n  index: My_Index', 'x.yaml:2:10: events.index: must be lower-case letters, digits, _ and -, the first'],
    ['sensor:\n  name: 7', 'x.yaml:2:9: sensor.name: must be a text'],
    ['sensor:\n  name: ""', 'x.yaml:2:9: sensor.name: must not be empty'],
    ['sensor: span-7', 'x.yaml:1:9: sensor: must be a group of settings'],
    ['filter: port x', 'x.yaml:1:9: filter: column 6: "x" is neither a port nor a range as 8000-8999'],
    ['hec: { endpoints: [{ weight: 1 }] }', 'x.yaml:1:20: hec.endpoints.0.url: is missing'],
    [
      'hec: { endpoints: [{ url: splunk }] }',
      'x.yaml:1:27: hec.endpoints.0.url: must be a URL that begins with https://',
    ],
    ['hec: { endpoints: [] }', 'x.yaml:1:19: hec.endpoints: must name one endpoint or more'],
    ['hec: { endpoints: x }', 'x.yaml:1:19: hec.endpoints: must be a list'],
    [
      'hec: { endpoints: [{ url: "https://a", tls: { ca_fil: x } }] }',
      'x.yaml:1:47: hec.endpoints.0.tls.ca_fil: there is no such setting; did you mean ca_file?',
    ],
    ['hec: { ack_timeout: 0 }', 'x.yaml:1:21: hec.ack_timeout: must be more than 0'],
    ['hec: { concurrency: 257 }', 'x.yaml:1:21: hec.concurrency: must be 256 or less'],
    ['hec: { wait: -1 }', 'x.yaml:1:14: hec.wait: must be 0 or more'],
    ['spool: { max_bytes: 3 }', `x.yaml:1:21: spool.max_bytes: must be ${MIN_SPOOL_BYTES} bytes or more`],
    ['spool: { max_bytes: 2 GiB }', 'x.yaml:1:21: spool.max_bytes: must be a size: bytes, or a text as "500 MB"'],
    ['spool: { max_age: [] }', 'x.yaml:1:19: spool.max_age: must be a time: seconds, or a text as "7 d"'],
    ['spool: { policy: wait }', 'x.yaml:1:18: spool.policy: must be one of drop-oldest, drop-newest, pause'],
    ['metrics: { listen: a b }', 'x.yaml:1:20: metrics.listen: must be [HOST:]PORT'],
    ['- a\n- b', 'x.yaml:1:1: must be a group of settings'],
    ['just text', 'x.yaml:1:1: must be a group of settings'],
    ['filter: a\nfilter: b', 'x.yaml:2:1: Map keys must be unique'],
    ['events: [', 'x.yaml:1:10: '],
    ['events:\n\tprofile: x', 'x.yaml:2:1: Tabs are not allowed as indentation'],
  ])('%j is refused at its place', (yaml, refusal) => {
    expect(refusalOf(yaml)).toContain(refusal);
    expect(refusalOf(yaml).startsWith(refusal)).toBe(true);
  });

  it('tells all problems at once', () => {
    expect(refusalOf('flows: { max: 1 }\nsensr: { name: x }\nscoring:\n  mode: x').split('\n')).toHaveLength(3);
  });

  it('is not blown up by aliases', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(10)
          .fill(i === 1 ? '*a' : `*a${i - 1}`)
          .join(', ')}]`,
      );
    expect(refusalOf(bomb.join('\n'))).toContain('x.yaml: ');
  });
});

describe('a configuration file', () => {
  it('is overridden by options', async () => {
    const folder = makeFolder();
    const config = join(folder, 'x.yaml');
    const fromConfig = join(folder, 'a.ndjson');
    const fromOption = join(folder, 'b.ndjson');
    writeFileSync(
      config,
      `output: { ndjson: ${JSON.stringify(fromConfig)} }\nevents: { profile: cisco:asa, index: network }\nsensor: { name: span-7 }\n`,
    );
    const file = capture('tls13.pcap');
    expect((await runFake(['replay', file, '-c', config, '--sensor', 'span-8'])).code).toBe(ExitCode.Ok);
    expect(JSON.parse(readFileSync(fromConfig, 'utf8'))).toMatchObject({
      host: 'span-8',
      index: 'network',
      sourcetype: 'cisco:asa',
    });
    await runFake(['replay', file, '-c', config, '--ndjson', fromOption, '--profile', 'stream:ssl']);
    expect(JSON.parse(readFileSync(fromOption, 'utf8'))).toMatchObject({ host: 'span-7', sourcetype: 'stream:ssl' });
  });

  it('is refused with its name and every place', async () => {
    const config = join(makeFolder(), 'x.yaml');
    writeFileSync(config, 'flows: { max: 1 }\nsensr: { name: x }\n');
    const { code, stderr } = await runFake(['replay', capture('tls13.pcap'), '--config', config]);
    expect(code).toBe(ExitCode.Usage);
    expect(stderr).toContain(`spanglass: ${config}:1:15: flows.max: must be 16 or more\n`);
    expect(stderr).toContain(`spanglass: ${config}:2:1: sensr: there is no such setting; did you mean sensor?\n`);
  });

  it('is not a capture', () => {
    expect(() => readConfigFile(capture('tls13.pcap'))).toThrow(/not a configuration: its bytes are not UTF-8 text/);
  });

  it('has an example that is valid, and that sets what is the default anyway', () => {
    const example = readFileSync('spanglass.example.yaml', 'utf8');
    expect(() => parseConfig(example, 'spanglass.example.yaml')).not.toThrow();
    const all = example.replace(/^# ?(?=[ a-z_]+:( |$))/gm, '');
    expect(Object.keys(parseConfig(all, 'spanglass.example.yaml'))).toEqual([
      'sensor',
      'scoring',
      'filter',
      'events',
      'output',
      'capture',
      'log',
      'flows',
      'hec',
      'spool',
      'health',
      'metrics',
    ]);
  });
});
