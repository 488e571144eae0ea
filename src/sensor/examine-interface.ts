/**
 * The doctor's examination of an interface: reads the facts, looks at the traffic through a ring as a capture has it, and has both judged.
 *
 * Nothing is changed but the promiscuous mode while the look takes. What can't be looked at is said, with the reason.
 */
import { setImmediate } from 'node:timers/promises';
import { escapeUnsafe } from '../bytes/text.ts';
import { CaptureError } from '../capture/capture-error.ts';
import {
  type InterfaceFacts,
  listInterfaces,
  listInterfacesOfProc,
  readInterface,
} from '../capture/interface-facts.ts';
import { readHost } from '../capture/interface-host.ts';
import type { LiveSource } from '../capture/live-source.ts';
import { PacketBlock } from '../capture/packet-source.ts';
import { openRing, RING_DEFAULTS } from '../capture/ring-source.ts';
import { type Check, check } from './check.ts';
import { checkHost } from './host-check.ts';
import { checkInterface, refuseUnknownInterface } from './interface-check.ts';
import { checkMirror, type SampleLosses } from './mirror-check.ts';
import { MirrorSampler } from './mirror-sample.ts';

export interface ExamineOptions {
  readonly interface: string;
  /** How long the traffic is looked at; 0: not at all. */
  readonly seconds: number;
  /** Ends the look early. */
  readonly signal: AbortSignal;
}

/** Findings in the order in which somebody would cure them: machine, interface, traffic. */
export async function examineInterface(options: ExamineOptions): Promise<Check[]> {
  const host = readHost();
  const checks = checkHost(host);
  if (host.platform !== 'linux') return checks;
  if (host.addonFault !== null) return [...checks, ...examineWithoutAddon(options.interface)];
  const facts = readInterface(options.interface);
  if (facts === null) return [...checks, refuseUnknownInterface(options.interface, listInterfaces())];
  if (options.seconds === 0) return [...checks, ...checkInterface(facts), notLooked('the look was switched off')];
  const refusal = findObstacle(facts);
  if (refusal !== null) return [...checks, ...checkInterface(facts), notLooked(refusal)];
  return [...checks, ...(await look(facts, options))];
}

async function look(facts: InterfaceFacts, { interface: name, seconds, signal }: ExamineOptions): Promise<Check[]> {
  let source: LiveSource;
  try {
    source = openRing({ ...RING_DEFAULTS, interface: name, fanoutGroup: null, shunt: null, classicFilter: null });
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return [...checkInterface(facts), notLooked(error.message)];
  }
  try {
    // The ring has made it promiscuous, if it could.
    const during = readInterface(name) ?? facts;
    const sampler = new MirrorSampler(during);
    const elapsedS = await readFor(seconds, source, sampler, signal);
    const after = readInterface(name);
    const { ringDropped } = source.readKernel();
    const sample = sampler.finish(elapsedS);
    if (after === null)
      return [
        ...checkInterface(during),
        check('interface', 'fail', `${escapeUnsafe(name)} was removed during the look`),
      ];
    return [...checkInterface(during), ...checkMirror(sample, during, { ringDropped, ...cardLosses(during, after) })];
  } finally {
    await source.close();
  }
}

/** Gives the seconds it took. Between blocks the process may hear its signals. */
async function readFor(
  seconds: number,
  source: LiveSource,
  sampler: MirrorSampler,
  signal: AbortSignal,
): Promise<number> {
  const block = new PacketBlock();
  const beganMs = performance.now();
  const endMs = beganMs + 1000 * seconds;
  while (performance.now() < endMs && !signal.aborted) {
    if (!(await source.next(block))) break;
    sampler.read(block, source.interfaces);
    await setImmediate();
  }
  return (performance.now() - beganMs) / 1000;
}

function cardLosses(before: InterfaceFacts, after: InterfaceFacts): Omit<SampleLosses, 'ringDropped'> {
  const grown = (a: number | null, b: number | null) => (a === null || b === null ? null : Math.max(0, b - a));
  const missed = grown(before.card.missed, after.card.missed);
  const fifo = grown(before.card.fifo, after.card.fifo);
  return {
    cardMissed: missed === null && fifo === null ? null : (missed ?? 0) + (fifo ?? 0),
    cardLength: grown(before.card.length, after.card.length),
  };
}

/** Why there is nothing to look at; each has a finding of its own with the cure. */
function findObstacle({ isUp, hasCarrier }: InterfaceFacts): string | null {
  if (!isUp) return 'the interface is down';
  if (hasCarrier === false) return 'the interface has no carrier';
  return null;
}

function notLooked(reason: string): Check {
  return check('traffic', 'note', `The traffic was not looked at: ${reason}`);
}

/** The kernel's list of names can be had without the addon. */
function examineWithoutAddon(name: string): Check[] {
  const rest = check('interface', 'note', 'Not looked at: link, offloads and traffic need the addon');
  const names = listInterfacesOfProc();
  if (names.length === 0 || names.includes(name)) return [rest];
  return [refuseUnknownInterface(name, names)];
}
