import { describe, expect, it } from 'vitest';
import { COMMANDS, optionsOf } from '../../src/cli/command-spec.ts';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { capture, makeFolder, runFake } from './fake-io.ts';

const CAPTURE = capture('tls13.pcap');

describe('the help', () => {
  it('is shown on standard output when asked for', async () => {
    for (const args of [['--help'], ['-h'], ['help']]) {
      const { code, stdout, stderr } = await runFake(args);
      expect({ code, stderr }).toEqual({ code: ExitCode.Ok, stderr: '' });
      expect(stdout).toContain('spanglass COMMAND [options] [PATH…]');
    }
  });

  it.each([...COMMANDS.values()].map((spec) => [spec.name, spec] as const))(
    'of %s explains every option, the exit codes, and the filter where there is one',
    async (name, spec) => {
      const { stdout } = await runFake([name, '--help']);
      for (const option of optionsOf(spec)) expect(stdout).toMatch(new RegExp(`--(\\[no-\\])?${option.name}`));
      const words = spec.readsCaptures ? ['Filter (EXPR)', 'standard input'] : [];
      for (const word of [...words, 'Exit codes', 'Examples']) expect(stdout).toContain(word);
      expect((await runFake(['help', name])).stdout).toBe(stdout);
    },
  );

  it('fits a terminal of 120 columns', async () => {
    for (const name of COMMANDS.keys()) {
      const { stdout } = await runFake([name, '--help']);
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
    }
  });

  it('is shown on standard error, as an error, where nothing was asked for', async () => {
    const { code, stdout, stderr } = await runFake([]);
    expect({ code, stdout }).toEqual({ code: ExitCode.Usage, stdout: '' });
    expect(stderr).toContain('Usage');
  });

  it('tells the version', async () => {
    expect((await runFake(['--version'])).stdout).toMatch(/^spanglass \d+\.\d+\.\d+\n$/);
  });
});

describe('arguments that can not be used', () => {
  it.each([
    [['repaly', CAPTURE], 'there is no command repaly; did you mean replay?'],
    [
      ['day.pcap'],
      'there is no command day.pcap; the commands are replay, capture, inspect, spool, doctor; to read a capture: spanglass replay day.pcap',
    ],
    [['replay'], 'name a capture, a folder, or - for standard input: spanglass replay PATH…'],
    [['inspect'], 'name a capture, a folder, or - for standard input: spanglass inspect PATH…'],
    [['replay', CAPTURE, '--min-rsk', '3'], 'there is no option --min-rsk; did you mean --min-risk?'],
    [['replay', CAPTURE, '--xyzzy'], 'there is no option --xyzzy; spanglass replay --help lists them'],
    [['replay', CAPTURE, '--no-quiet'], 'there is no option --no-quiet'],
    [['replay', CAPTURE, '-z'], 'there is no option -z'],
    [['replay', CAPTURE, '--ndjson'], '--ndjson needs a value: --ndjson FILE'],
    [['replay', CAPTURE, '--ndjson='], '--ndjson needs a value: --ndjson FILE'],
    [
      ['replay', CAPTURE, '--ndjson', '--quiet'],
      '--ndjson needs a value, but --quiet follows; write --ndjson=--quiet if that is the value',
    ],
    [['replay', CAPTURE, '--quiet=yes'], '--quiet takes no value'],
    [['replay', CAPTURE, '--no-community-id=x'], '--no-community-id takes no value'],
    [['replay', CAPTURE, '--min-risk', '8'], '--min-risk must be a whole number from 0 to 7, not 8'],
    [['replay', CAPTURE, '--min-risk', '1.5'], '--min-risk must be a whole number from 0 to 7, not 1.5'],
    [['replay', CAPTURE, '--max-flows', '2'], '--max-flows must be a whole number from 16 to 16777216, not 2'],
    [
      ['replay', CAPTURE, '--scoring', 'refind'],
      '--scoring must be one of faithful, refined, not refind; did you mean refined?',
    ],
    [
      ['replay', CAPTURE, '--profile', 'x'],
      '--profile must be one of stream:ssl, stream:tcp, pan:traffic, cisco:asa, fortigate_traffic, not x',
    ],
    [
      ['replay', CAPTURE, '--hash-case', 'Upper'],
      '--hash-case must be one of lower, upper, not Upper; did you mean upper?',
    ],
    [['replay', CAPTURE, '--index', '_internal'], '--index must be lower-case letters, digits, _ and -'],
    [['replay', CAPTURE, '--ndjson', '-', '--stats', '-'], "--ndjson and --stats can't both go to standard output"],
    [['replay', CAPTURE, '--ndjson', 'x', '--protobuf', 'x'], "--ndjson and --protobuf can't both go to x"],
    [['replay', CAPTURE, '--config', 'nowhere.yaml'], "nowhere.yaml: the configuration can't be read: ENOENT"],
    [['replay', CAPTURE, '--hec', 'splunk:8088'], '--hec must be a URL, not splunk:8088; write https://splunk:8088'],
    [['replay', CAPTURE, '--hec', 'https://'], '--hec https:// is no URL'],
    [['replay', CAPTURE, '--hec', 'https://splunk:8088'], 'no HEC token is set'],
    [
      ['replay', CAPTURE, '--hec', 'https://splunk:8088', '--hec-token-file', 'nowhere'],
      "nowhere: the token file can't",
    ],
    [['replay', CAPTURE, '--hec-token', 'secret'], 'there is no option --hec-token; did you mean --hec-token-file?'],
    [['replay', CAPTURE, '--hec-wait', '5'], '--hec-wait is nothing without --hec URL'],
    [['replay', CAPTURE, '--spool', 'x'], '--spool is nothing without --hec URL'],
    [['replay', CAPTURE, '--metrics', 'a b'], '--metrics must be [HOST:]PORT, as 9464'],
    [['replay', CAPTURE, '--metrics', '70000'], '--metrics must be [HOST:]PORT, as 9464'],
    [['spool'], 'name what to do: spanglass spool status, or spanglass spool drain'],
    [['spool', 'empty'], 'there is no spool empty: spanglass spool status'],
    [['spool', 'drain'], 'name where to deliver: spanglass spool drain --hec URL'],
    [['doctor'], 'name what to examine: spanglass doctor --interface NAME, or --hec URL'],
    [['inspect', CAPTURE, '--index', '0'], '--index must be a whole number from 1'],
    [['inspect', CAPTURE, '--ndjson', 'x'], 'there is no option --ndjson'],
  ])('%j', async (args, refusal) => {
    const { code, stdout, stderr } = await runFake(args, { env: { XDG_STATE_HOME: makeFolder() } });
    expect({ code, stdout }).toEqual({ code: ExitCode.Usage, stdout: '' });
    expect(stderr).toContain(`spanglass: ${refusal}`);
  });

  it('shows where a filter can not be read', async () => {
    const { code, stderr } = await runFake(['replay', CAPTURE, '-f', 'subject "東京" adn port 1']);
    expect(code).toBe(ExitCode.Usage);
    expect(stderr.split('\n')).toEqual([
      'spanglass: --filter: column 14: expected "and" or "or"; did you mean "and"?',
      '  subject "東京" adn port 1',
      '                 ^',
      '',
    ]);
  });

  it('does not send binary to a terminal', async () => {
    const { code, stderr } = await runFake(['replay', CAPTURE, '--protobuf', '-'], { columns: 80 });
    expect(code).toBe(ExitCode.Usage);
    expect(stderr).toContain('--protobuf - writes binary');
  });

  it('takes what follows -- as a path', async () => {
    const { code, stderr } = await runFake(['replay', '--', '--help']);
    expect(code).toBe(ExitCode.CaptureFailed);
    expect(stderr).toBe('spanglass: --help: no such file or folder\n');
  });
});
