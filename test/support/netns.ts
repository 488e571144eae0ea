/**
 * Networks for tests: namespaces with cables between them, a mirror port, and programs inside. Nothing of it is seen outside, and nothing is
 * left behind.
 *
 *     namespace a                         namespace b
 *       v0 ──────────── veth ─────────────── v1
 *        │ mirror (clsact, both directions)
 *       m0 ──────────── veth ─────────────── m1  namespace c, where the sensor listens
 *
 * Linux and root only; `whyNoLab` says what else is missing, for the title of a test that is skipped. What a killed run left is removed by the
 * next one: the names of namespaces have the process in them.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { z } from 'zod';

const PREFIX = 'sg-lab-';
const WAIT_MS = 20_000;
const POLL_MS = 20;
/** GRO and the like make packets that no wire had; without these a veth carries what was sent. */
const OFFLOADS = ['tso', 'gso', 'gro', 'tx', 'rx', 'sg', 'rxvlan', 'txvlan'];

/** A command that makes or changes the network was refused. */
export class LabError extends Error {}

/** What an interface counted since it was made. */
export interface LinkCounters {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxDropped: number;
  readonly txPackets: number;
  readonly txDropped: number;
}

interface Port {
  readonly namespace: Namespace;
  readonly device: string;
}

let reason: string | null | undefined;

/** Why there can be no lab on this machine, as a few words; null where there can. */
export function whyNoLab(): string | null {
  reason ??= findReason();
  return reason === '' ? null : reason;
}

function findReason(): string {
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  for (const tool of ['ip', 'tc', 'ethtool']) {
    if (spawnSync(tool, ['-V']).error !== undefined) return `no ${tool} here`;
  }
  const lab = new NetworkLab();
  try {
    const namespace = lab.namespace('try');
    lab.connect({ namespace, device: 'v0' }, { namespace, device: 'v1' });
    lab.connect({ namespace, device: 'm0' }, { namespace, device: 'm1' });
    lab.mirror(namespace, 'v0', 'm0');
    return '';
  } catch (error) {
    if (error instanceof LabError) return error.message.replaceAll(/\s+/g, ' ');
    throw error;
  } finally {
    lab.close();
  }
}

let labs = 0;

export class NetworkLab {
  readonly #prefix: string;
  readonly #namespaces: Namespace[] = [];
  readonly #close = (): void => this.close();

  constructor() {
    removeAbandoned();
    this.#prefix = `${PREFIX}${process.pid}-${labs++}-`;
    process.once('exit', this.#close);
  }

  /** A namespace with nothing but its loopback. */
  namespace(name: string): Namespace {
    const namespace = new Namespace(`${this.#prefix}${name}`);
    // Before it is made: whatever fails from here on, it is removed.
    this.#namespaces.push(namespace);
    run(['ip', 'netns', 'add', namespace.name]);
    namespace.run(['ip', 'link', 'set', 'lo', 'up']);
    return namespace;
  }

  /** A cable. Both ends are up, carry packets as they were sent, and say nothing by themselves. */
  connect(a: Port, b: Port): void {
    const peer = ['peer', 'name', b.device, 'netns', b.namespace.name];
    run(['ip', 'link', 'add', a.device, 'netns', a.namespace.name, 'type', 'veth', ...peer]);
    for (const { namespace, device } of [a, b]) {
      // Not every kernel has all of them.
      for (const offload of OFFLOADS) namespace.tryRun(['ethtool', '-K', device, offload, 'off']);
      namespace.tryRun(['sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`]);
      namespace.run(['ip', 'link', 'set', device, 'up']);
    }
    for (const { namespace, device } of [a, b]) namespace.waitForCarrier(device);
  }

  /** What `device` receives and sends is sent through `to` as well, as a switch does it. */
  mirror(namespace: Namespace, device: string, to: string): void {
    namespace.run(['tc', 'qdisc', 'add', 'dev', device, 'clsact']);
    const action = ['action', 'mirred', 'egress', 'mirror', 'dev', to];
    for (const direction of ['ingress', 'egress']) {
      const everything = ['protocol', 'all', 'u32', 'match', 'u32', '0', '0'];
      namespace.run(['tc', 'filter', 'add', 'dev', device, direction, ...everything, ...action]);
    }
  }

  /** Ends what runs inside, and removes the namespaces with all that is in them. */
  close(): void {
    process.off('exit', this.#close);
    for (const { name } of this.#namespaces.splice(0)) removeNamespace(name);
  }
}

export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Runs a command to its end; gives its standard output, throws `LabError` with what it said where it failed. */
  run(command: readonly string[], input = ''): string {
    return run(this.command(command), input);
  }

  /** For what may be refused. */
  tryRun(command: readonly string[]): boolean {
    const [program, ...args] = this.command(command);
    return spawnSync(program!, args).status === 0;
  }

  /** Starts a program, whose process is the child itself. */
  start(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program, ...args] = this.command(command);
    return spawn(program!, args, options);
  }

  /** The command line that runs `command` in here. */
  command(command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...command];
  }

  /** Addresses with their prefix lengths; IPv6 ones without waiting for doubles. */
  addAddresses(device: string, ...addresses: readonly string[]): void {
    for (const address of addresses) {
      const isV6 = address.includes(':');
      if (isV6) this.run(['sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=0`]);
      this.run(['ip', 'addr', 'add', address, 'dev', device, ...(isV6 ? ['nodad'] : [])]);
    }
  }

  setLink(device: string, ...change: readonly string[]): void {
    this.run(['ip', 'link', 'set', device, ...change]);
  }

  counters(device: string): LinkCounters {
    const { rx, tx } = LINKS.parse(JSON.parse(this.run(['ip', '-s', '-j', 'link', 'show', device])))[0]!.stats64;
    return {
      rxPackets: rx.packets,
      rxBytes: rx.bytes,
      rxDropped: rx.dropped,
      txPackets: tx.packets,
      txDropped: tx.dropped,
    };
  }

  /** Inodes of the packet sockets that take in packets from `device`: how one sees that a listener listens, whatever it is. */
  listeners(device: string): string[] {
    const index = this.run(['cat', `/sys/class/net/${device}/ifindex`]).trim();
    // sk RefCnt Type Proto Iface R Rmem User Inode
    const rows = this.run(['cat', '/proc/net/packet']).trimEnd().split('\n').slice(1);
    const sockets = rows.map((row) => row.trim().split(/\s+/));
    return sockets
      .filter(([, , , protocol, on, isRunning]) => protocol !== '0000' && on === index && isRunning === '1')
      .map((row) => row[8]!);
  }

  waitForCarrier(device: string): void {
    const endMs = Date.now() + WAIT_MS;
    while (this.run(['cat', `/sys/class/net/${device}/carrier`]).trim() !== '1') {
      if (Date.now() > endMs) throw new LabError(`${device} in ${this.name} has no carrier`);
    }
  }

  /** Waits until `count` packet sockets more than those of `before` listen on `device`. */
  async waitForListeners(device: string, count = 1, before: readonly string[] = []): Promise<void> {
    const isThere = () => this.listeners(device).filter((inode) => !before.includes(inode)).length >= count;
    await waitUntil(isThere, `${count} listeners on ${device}`);
  }
}

const TRAFFIC = z.object({ packets: z.number(), bytes: z.number(), dropped: z.number() });
const LINKS = z.array(z.object({ stats64: z.object({ rx: TRAFFIC, tx: TRAFFIC }) })).min(1);

/** Waits for something that happens by itself; throws with the name of it when it does not. */
export async function waitUntil(
  isTrue: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs: number = WAIT_MS,
): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!(await isTrue())) {
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs / 1000} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function run(command: readonly string[], input = ''): string {
  const [program, ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(program!, args, { input, encoding: 'utf8' });
  if (error !== undefined || status !== 0)
    throw new LabError(`${command.join(' ')}: ${error?.message ?? (stderr.trim() || `ended with ${status}`)}`);
  return stdout;
}

/** Programs first: a namespace lives as long as somebody is in it. */
function removeNamespace(name: string): void {
  if (!existsSync(`/run/netns/${name}`)) return;
  for (const pid of run(['ip', 'netns', 'pids', name]).trim().split('\n')) {
    if (pid !== '') endProcess(Number(pid));
  }
  run(['ip', 'netns', 'del', name]);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Of labs whose process is no longer there. */
function removeAbandoned(): void {
  const listed = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout ?? '';
  for (const [, name, pid] of listed.matchAll(new RegExp(`^(${PREFIX}(\\d+)-\\S+)`, 'gm'))) {
    if (!existsSync(`/proc/${pid}`)) removeNamespace(name!);
  }
}
