import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { LabError, NetworkLab, waitUntil, whyNoLab } from './netns.ts';

const why = whyNoLab();

function namespaces(): string[] {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.startsWith(`sg-lab-${process.pid}-`));
}

describe.skipIf(why !== null)(`a lab of namespaces${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let lab = new NetworkLab();
  afterEach(() => {
    lab.close();
    lab = new NetworkLab();
  });

  it('mirrors both directions, and nothing else is on the wire', async () => {
    const [a, b, monitor] = ['a', 'b', 'mon'].map((name) => lab.namespace(name));
    lab.connect({ namespace: a!, device: 'v0' }, { namespace: b!, device: 'v1' });
    lab.connect({ namespace: a!, device: 'm0' }, { namespace: monitor!, device: 'm1' });
    a!.addAddresses('v0', '192.0.2.1/24', '2001:db8::1/64');
    b!.addAddresses('v1', '192.0.2.2/24', '2001:db8::2/64');
    const before = monitor!.counters('m1').rxPackets;
    lab.mirror(a!, 'v0', 'm0');
    a!.start([process.execPath, '-e', "require('net').createServer((s) => s.end('x')).listen(7, '::')"]);
    await waitUntil(() => a!.run(['cat', '/proc/net/tcp6']).includes(':0007 '), 'a server');
    const client = (host: string) => `require('net').connect(7, '${host}').on('data', () => console.log('came'))`;
    // SYN, SYN-ACK, ACK, data with FIN, its ACK, FIN, ACK: some go together. A mirror of one direction would see half of them.
    for (const [host, packets] of [
      ['192.0.2.1', 6],
      ['2001:db8::1', 12],
    ] as const) {
      expect(b!.run([process.execPath, '-e', client(host)])).toBe('came\n');
      await waitUntil(() => monitor!.counters('m1').rxPackets - before >= packets, 'mirrored packets');
    }
    expect(monitor!.counters('m1')).toMatchObject({ rxDropped: 0, txPackets: 0 });
  });

  it('ends what runs inside, says what was refused, and leaves nothing behind', async () => {
    const namespace = lab.namespace('a');
    const child = namespace.start(['sleep', '60'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
    await waitUntil(() => namespace.run(['ip', 'netns', 'pids', namespace.name]).includes(`${child.pid}`), 'sleep');
    expect(() => namespace.run(['ip', 'link', 'set', 'none', 'up'])).toThrow(LabError);
    lab.close();
    expect(await ended).toBe('SIGKILL');
    expect(namespaces()).toEqual([]);
  });

  it('sees a listener as soon as it listens', async () => {
    const namespace = lab.namespace('a');
    lab.connect({ namespace, device: 'v0' }, { namespace, device: 'v1' });
    expect(namespace.listeners('v0')).toEqual([]);
    if (spawnSync('tcpdump', ['--version']).error !== undefined) return;
    namespace.start(['tcpdump', '-i', 'v0', '-w', '/dev/null'], { stdio: 'ignore' });
    await namespace.waitForListeners('v0');
    expect(namespace.listeners('v1')).toEqual([]);
  });
});

describe('waiting', () => {
  it('says what it waited for', async () => {
    await expect(waitUntil(() => false, 'rain', 30)).rejects.toThrow('waited 0.03 s in vain: rain');
  });
});
