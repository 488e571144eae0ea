/** How a delivery stands, in words: while it is waited for, when it stops, and what to do then. */
import { escapeUnsafe } from '../bytes/text.ts';
import type { HecState, HecStatus } from '../output/hec/hec-status.ts';
import type { CommandArguments } from './arguments.ts';
import { toCountOf } from './quantity-text.ts';

/** Options of `spool drain` that are repeated in the command that is told. */
const TOLD_OPTIONS = ['config', 'hec', 'hec-token-file', 'spool'] as const;

/** `holding: invalid_token (Invalid token)` */
export function toStatusText({ state, reason, text, tokenFault }: HecStatus): string {
  const said = escapeUnsafe(tokenFault ?? text);
  const words = [reason, said === '' ? '' : `(${said})`].filter((one) => one !== '');
  return [STATES[state], ...(words.length === 0 ? [] : [words.join(' ')])].join(': ');
}

const STATES: Readonly<Record<HecState, string>> = {
  delivering: 'delivering',
  backing_off: 'trying again',
  holding: 'on hold, somebody has to mend it',
  stopped: 'stopped',
};

/** `1,234 events wait for Splunk: delivering` */
export function toWaitText(queued: number, status: HecStatus): string {
  return `${toCountOf(queued, 'event')} ${queued === 1 ? 'waits' : 'wait'} for Splunk: ${toStatusText(status)}`;
}

/** The command that delivers what waits, to be copied. */
export function toDrainCommand({ values }: CommandArguments): string {
  const options = TOLD_OPTIONS.flatMap((name) => {
    const value = values.get(name);
    return value === undefined ? [] : [`--${name}`, toShellWord(value)];
  });
  return ['spanglass spool drain', ...options].join(' ');
}

function toShellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${escapeUnsafe(text).replaceAll("'", "'\\''")}'`;
}

/** Tells a change of state once, and not every time that a busy server says no. */
export class StatusTeller {
  readonly #tell: (message: string) => void;
  #told = '';
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(tell: (message: string) => void) {
    this.#tell = tell;
  }

  onStatus(status: HecStatus): void {
    const isTrouble =
      status.state === 'holding' || (status.state === 'backing_off' && !QUIET_REASONS.has(status.reason));
    const text = toStatusText(status);
    const nowMs = performance.now();
    if (!isTrouble || (text === this.#told && nowMs - this.#toldAtMs < QUIET_MS)) return;
    this.#told = text;
    this.#toldAtMs = nowMs;
    this.#tell(`delivery to Splunk: ${text}`);
  }
}

const QUIET_MS = 60_000;
/** The first probe is under way. */
const QUIET_REASONS = new Set(['', 'starting']);
