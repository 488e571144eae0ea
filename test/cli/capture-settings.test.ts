import { describe, expect, it } from 'vitest';
import { readArguments } from '../../src/cli/arguments.ts';
import { type CaptureSettings, resolveCapture } from '../../src/cli/capture-settings.ts';
import { COMMANDS } from '../../src/cli/command-spec.ts';
import { parseConfig } from '../../src/cli/config-file.ts';
import { ExitCode } from '../../src/cli/exit-code.ts';
import type { Config } from '../../src/cli/settings.ts';
import { runFake } from './fake-io.ts';

function settingsOf(args: readonly string[], config: Config = {}): CaptureSettings {
  return resolveCapture(readArguments(COMMANDS.get('capture')!, args), config);
}

describe('settings of a capture', () => {
  it('have defaults for all but the interface', () => {
    expect(settingsOf(['-i', 'eth1'])).toMatchObject({
      interface: 'eth1',
      hasLibpcap: false,
      workers: 1,
      ringMib: 64,
      isPromiscuous: true,
      bpf: null,
      hasShunt: true,
      hasXdp: false,
      flowBudgetBytes: null,
      user: null,
      forMs: null,
      rotateBytes: null,
      rotateMs: null,
      logFormat: null,
    });
  });

  it('take the interface as a path as well', () => {
    expect(settingsOf(['eth1']).interface).toBe('eth1');
    expect(settingsOf(['eth1', '-i', 'eth1']).interface).toBe('eth1');
  });

  it('come from options, and from the configuration where there is none', () => {
    const yaml = [
      'capture: { interface: eth1, workers: 4, ring_mib: 128, promiscuous: false, bpf: tcp, shunt: true, xdp: true, flow_budget: 64 kB, user: sensor }',
      'output: { ndjson: a, rotate_size: 500 MB, rotate_every: 1 h }',
      'log: { format: json }',
    ].join('\n');
    const config = parseConfig(yaml, 'x.yaml');
    expect(settingsOf([], config)).toMatchObject({
      interface: 'eth1',
      workers: 4,
      ringMib: 128,
      isPromiscuous: false,
      bpf: 'tcp',
      hasXdp: true,
      flowBudgetBytes: 64_000,
      user: 'sensor',
      rotateBytes: 5e8,
      rotateMs: 3_600_000,
      logFormat: 'json',
    });
    const options = [
      '-i',
      'eth2',
      '--workers',
      '2',
      '--promiscuous',
      '--no-xdp',
      '--no-shunt',
      '--rotate-every',
      '1 d',
    ];
    expect(settingsOf([...options, '--for', '10 min', '--log', 'text'], config)).toMatchObject({
      interface: 'eth2',
      workers: 2,
      isPromiscuous: true,
      hasShunt: false,
      hasXdp: false,
      rotateMs: 86_400_000,
      forMs: 600_000,
      logFormat: 'text',
    });
  });

  it('read through libpcap where it is asked for, and where there is no ring', () => {
    const args = readArguments(COMMANDS.get('capture')!, ['-i', 'en0']);
    // What the example of a configuration writes out are defaults, and no wishes.
    const config = parseConfig('capture: { workers: 1, shunt: true, xdp: false, flow_budget: 131072 }', 'x.yaml');
    for (const platform of ['darwin', 'freebsd', 'win32'] as const) {
      expect(resolveCapture(args, config, platform)).toMatchObject({ hasLibpcap: true, hasShunt: false });
    }
    expect(resolveCapture(args, config, 'linux')).toMatchObject({ hasLibpcap: false, hasShunt: true });
    const asked = parseConfig('capture: { libpcap: true }', 'x.yaml');
    expect(resolveCapture(args, asked, 'linux')).toMatchObject({ hasLibpcap: true, hasShunt: false });
    expect(settingsOf(['-i', 'en0', '--no-libpcap'], asked).hasLibpcap).toBe(false);
  });

  it.each([
    [['-i', 'any'], '--interface any mixes links of several kinds, and has packets that pass this machine twice'],
    [['eth1', 'eth2'], 'one interface at a time, not eth1, eth2; run a sensor for each'],
    [['eth1', '-i', 'eth2'], 'one interface at a time, not eth2, eth1'],
    [['-i', 'eth1', '--xdp', '--no-shunt'], '--xdp is nothing without the shunt'],
    [['-i', 'eth1', '--libpcap', '--xdp'], '--xdp is nothing with libpcap: only the ring of Linux has a shunt'],
    [['-i', 'eth1', '--libpcap', '--no-shunt'], '--no-shunt is nothing with libpcap, which has no shunt'],
    [['-i', 'eth1', '--libpcap', '--shunt'], '--shunt is nothing with libpcap'],
    [['-i', 'eth1', '--libpcap', '--flow-budget', '64 kB'], '--flow-budget is nothing with libpcap'],
    [['-i', 'eth1', '--libpcap', '--workers', '2'], '--workers 2: libpcap has one queue, which one worker reads'],
    [['-i', 'eth1', '--libpcap', '--no-promiscuous'], '--no-promiscuous: the package cap makes'],
    [['-i', 'eth1', '--workers', '0'], '--workers must be a whole number from 1 to 64, not 0'],
    [['-i', 'eth1', '--ring', '1'], '--ring must be a whole number from 4 to 4096, not 1'],
    [['-i', 'eth1', '--flow-budget', '1 kB'], '--flow-budget must be a size: bytes, or a text as "500 MB"'],
    [['-i', 'eth1', '--for', '5 weeks'], '--for must be a time: seconds, or a text as "7 d" (s, min, h, d), from 1 s'],
    [['-i', 'eth1', '--rotate-every', '1 h'], '--rotate-every is nothing without --ndjson or --protobuf'],
    [['-i', 'eth1', '--ndjson', 'x', '--rotate-size', '3'], '--rotate-size must be a size'],
    [['-i', 'eth1', '--log', 'xml'], '--log must be one of text, json, not xml'],
    [['-i', 'eth1', '--spool', 'x'], '--spool is nothing without --hec URL'],
    [['-i', 'eth1', '--hec-token-file', 'x', '--ndjson', 'y'], '--hec-token-file is nothing without --hec URL'],
    [['-i', 'eth1', '--ndjson', '-', '--stats', '-'], "--ndjson and --stats can't both go to standard output"],
    [['-i', 'eth1', '-f', 'risk >> 3'], '--filter: '],
    [['-i', 'eth1', '--user', 'no such user'], '--user no such user: there is no such user'],
    [['-i', 'eth1', '--user', '1000:99999999999'], '--user 1000:99999999999: there is no such user'],
    [[], 'name the interface: spanglass capture --interface NAME'],
  ] as const)('%j are refused before anything is opened', async (args, refusal) => {
    const { code, stdout, stderr } = await runFake(['capture', ...args]);
    expect({ code, stdout }).toEqual({ code: ExitCode.Usage, stdout: '' });
    expect(stderr).toContain(`spanglass: ${refusal}`);
  });
});

describe('the configuration of a capture', () => {
  it.each([
    ['capture: { workers: 65 }', 'x.yaml:1:21: capture.workers: must be 64 or less'],
    ['capture: { ring_mib: 3 }', 'x.yaml:1:22: capture.ring_mib: must be 4 or more'],
    ['capture: { flow_budget: 5 }', 'x.yaml:1:25: capture.flow_budget: must be 32768 bytes or more'],
    ['capture: { flow_budget: 5 GB }', 'x.yaml:1:25: capture.flow_budget: must be 2147483647 bytes or less'],
    [
      'capture: { interfaces: eth1 }',
      'x.yaml:1:12: capture.interfaces: there is no such setting; did you mean interface?',
    ],
    ['output: { rotate_size: 1 kB }', 'x.yaml:1:24: output.rotate_size: must be 1000000 bytes or more'],
    ['output: { rotate_every: 1 s }', 'x.yaml:1:25: output.rotate_every: must be 10 seconds or more'],
    ['log: { format: xml }', 'x.yaml:1:16: log.format: must be one of text, json'],
  ])('%j is refused at its place', (yaml, refusal) => {
    expect(() => parseConfig(yaml, 'x.yaml')).toThrow(refusal);
  });
});
