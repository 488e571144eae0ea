/**
 * One listener, one sender, one capture, in a network of their own:
 *
 *     namespace                  namespace
 *      sender ─ t0 ═════ veth ═════ r0 ─ listener
 *
 * The listener starts, and when it listens and has come to rest the frames are sent. CPU time is counted from there to when it is at rest
 * again, so what starting costs is not in it. The kernel's share of receiving is done on the sender's account: it is in nobody's number here.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Namespace, NetworkLab } from '../test/support/netns.ts';
import type { Listener, ListenerReport } from './live-listeners.ts';
import type { Load, Sender, Sent } from './live-senders.ts';
import { ProgramFailed } from './measure-process.ts';
import { usageOf, waitForRest } from './process-tree.ts';

const SENDER_DEVICE = 't0';
const LISTENER_DEVICE = 'r0';

/** A listener that has used no CPU for so long has read all there was. Those that start are at rest sooner than they look. */
const REST_MS = 1000;
const READY_TIMEOUT_MS = 20_000;
/** tshark takes a minute for what is sent in a second: what it has not read by then is not waited for. */
const REST_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 30_000;

export interface LiveRun {
  readonly sent: Sent;
  /** What arrived at the listener's end of the cable. */
  readonly arrived: number;
  readonly report: ListenerReport;
  readonly cpuS: number;
  readonly peakRssMb: number;
  readonly ownRssMb: number;
  /** False where it was still busy when the time was over. */
  readonly isAtRest: boolean;
}

/** Throws `ProgramFailed` where the listener or the sender does not run. */
export async function runLive(listener: Listener, sender: Sender, load: Load, folder: string): Promise<LiveRun> {
  const lab = new NetworkLab();
  const scratch = mkdtempSync(join(folder, 'live-'));
  try {
    const [from, to] = [lab.namespace('tx'), lab.namespace('rx')];
    lab.connect({ namespace: from, device: SENDER_DEVICE }, { namespace: to, device: LISTENER_DEVICE });
    const running = await startListener(listener, to, scratch);
    const before = usageOf(running.pid);
    const sent = await send(sender, from, load);
    const after = await waitForRest(running.pid, REST_MS, REST_TIMEOUT_MS);
    const stderr = await running.end();
    return {
      sent,
      arrived: to.counters(LISTENER_DEVICE).rxPackets,
      report: listener.readReport(scratch, stderr),
      cpuS: after.cpuS - before.cpuS,
      peakRssMb: after.peakRssMb,
      ownRssMb: after.ownRssMb,
      isAtRest: after.isRest,
    };
  } finally {
    lab.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

export interface RunningListener {
  readonly pid: number;
  /** Ends it as Ctrl-C does; gives its standard error. */
  end(): Promise<string>;
}

/** Starts a listener on `r0`; resolves when it listens and is at rest. */
export async function startListener(listener: Listener, to: Namespace, scratch: string): Promise<RunningListener> {
  const output = openSync(join(scratch, 'stdout'), 'w');
  const child = to.start(listener.command(LISTENER_DEVICE, scratch), { stdio: ['ignore', output, 'pipe'] });
  closeSync(output);
  const ended = ending(child, listener.name);
  const { pid } = child;
  if (pid === undefined) throw new ProgramFailed(`${listener.name} was not started`);
  // A listener that does not come up ends by itself, with its reason.
  const isUp = to.waitForListeners(LISTENER_DEVICE, listener.sockets).then(() => true);
  const early = await Promise.race([isUp, ended]);
  if (early !== true) throw new ProgramFailed(`${listener.name} ended before anything was sent: ${early}`);
  await waitForRest(pid, REST_MS, READY_TIMEOUT_MS);
  return {
    pid,
    async end() {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Its standard error at its end; rejects where it ended badly. */
async function ending(child: ChildProcess, name: string): Promise<string> {
  const [stderr] = await Promise.all([text(child.stderr!), once(child, 'close')]);
  const { exitCode, signalCode } = child;
  if (exitCode !== 0 && signalCode !== 'SIGINT')
    throw new ProgramFailed(`${name} ended with ${signalCode ?? `status ${exitCode}`}: ${stderr.trim().slice(-500)}`);
  return stderr;
}

export async function send(sender: Sender, from: Namespace, load: Load): Promise<Sent> {
  const child = from.start(sender.command(SENDER_DEVICE, load), { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
  if (child.exitCode !== 0) throw new ProgramFailed(`${sender.name} ended with ${child.exitCode}: ${stderr.trim()}`);
  return sender.readReport(stdout);
}
