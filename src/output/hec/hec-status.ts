/** How delivery stands, for an operator: one word, its reason, and the numbers behind it. */
import type { EndpointLine } from './endpoint-line.ts';
import type { PartsInHand } from './parts-in-hand.ts';

/**
 * `holding`: somebody has to mend something, and nothing is dropped meanwhile. `backing_off`: it mends itself, or the first probe is
 * under way.
 */
export type HecState = 'delivering' | 'backing_off' | 'holding' | 'stopped';

interface HecEndpointStatus {
  readonly url: string;
  readonly state: HecState;
  readonly reason: string;
  /** The server's words. */
  readonly text: string;
  readonly inFlight: number;
  readonly concurrency: number;
  readonly outstandingAcks: number;
  /** `null`: not known yet. `false`: an answer of 200 is the best there is. */
  readonly hasAcks: boolean | null;
}

export interface HecStatus {
  readonly state: HecState;
  /** In the form of a metric's label; empty where all is well. */
  readonly reason: string;
  readonly text: string;
  readonly endpoints: readonly HecEndpointStatus[];
  readonly inFlight: number;
  readonly outstandingAcks: number;
  /** Parts of batches that wait for another try. */
  readonly waiting: number;
  /** Of these: refused for a reason of their own, such as an index; others go on. */
  readonly parked: number;
  readonly bytesInHand: number;
  /** Older events are sent beside the newest. */
  readonly isCatchingUp: boolean;
  /** Why the token file, or the quarantine file, can't be used at present. */
  readonly tokenFault: string | null;
  /** Why files of TLS that were changed can't be used; those of before still are. */
  readonly tlsFault: string | null;
  readonly quarantineFault: string | null;
}

export interface StatusSources {
  readonly isRunning: boolean;
  readonly lines: readonly EndpointLine[];
  readonly hands: PartsInHand | null;
  readonly isCatchingUp: boolean;
  readonly tokenFault: string | null;
  readonly tlsFault: string | null;
  readonly quarantineFault: string | null;
}

export function readStatus({ isRunning, lines, hands, ...rest }: StatusSources): HecStatus {
  const endpoints = lines.map((line) => readEndpoint(line, isRunning));
  const leading =
    endpoints.find((one) => one.state === 'delivering') ??
    endpoints.find((one) => one.state === 'backing_off') ??
    endpoints[0]!;
  return {
    state: leading.state,
    reason: leading.reason === '' ? (hands?.parkedReason ?? '') : leading.reason,
    text: leading.text,
    endpoints,
    inFlight: sumOf(endpoints, (one) => one.inFlight),
    outstandingAcks: sumOf(endpoints, (one) => one.outstandingAcks),
    waiting: hands?.queued ?? 0,
    parked: hands?.parked ?? 0,
    bytesInHand: hands?.bytes ?? 0,
    ...rest,
  };
}

function readEndpoint({ endpoint, gate, acks }: EndpointLine, isRunning: boolean): HecEndpointStatus {
  return {
    url: endpoint.name,
    state: isRunning ? STATES[gate.phase] : 'stopped',
    reason: gate.reason === '' && acks.isCareful ? 'not_sticky' : gate.reason,
    text: gate.text,
    inFlight: gate.inFlight,
    concurrency: gate.limit,
    outstandingAcks: acks.outstanding + acks.riding,
    hasAcks: acks.hasAcks,
  };
}

const STATES = { up: 'delivering', probing: 'backing_off', backing_off: 'backing_off', holding: 'holding' } as const;

function sumOf(endpoints: readonly HecEndpointStatus[], read: (one: HecEndpointStatus) => number): number {
  return endpoints.reduce((sum, one) => sum + read(one), 0);
}
