/**
 * Giving up privileges when the rings are open: nothing that is read from the wire meets more of them than it needs, which is none.
 *
 *     started as     ends as
 *     root           --user, or the user `spanglass` where there is one; without capabilities in any case
 *     any other      the same user; the capabilities that opened the rings are gone
 *
 * no_new_privs is set, so nothing that may ever be started could get them back. All of this holds for all threads, and is looked up
 * before a packet is read. What is opened later (spool, files, configuration at a reload) is opened by who is left.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { escapeUnsafe } from '../bytes/text.ts';
import { UsageError } from './usage-error.ts';

/** The part of the native addon that this needs; native/process/process.h has the contract. */
export interface ProcessAddon {
  processSeal(keepsCapabilities: boolean): number;
  processFindUser(name: string): [number, number] | null;
}

interface TargetUser {
  /** As it was named. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface PrivilegePlan {
  /** Null: stays who it is. */
  readonly user: TargetUser | null;
  /** What a reader of the log should know; empty where all is as it should be. */
  readonly note: string;
}

const DEFAULT_USER = 'spanglass';
/** The kernel's "no such user". */
const NO_ID = 0xffff_ffff;
const TASKS = '/proc/self/task';

/** `asked` is `--user`, `uid` who we are. Throws `UsageError`. */
export function planPrivileges(asked: string | null, uid: number, addon: ProcessAddon | null): PrivilegePlan {
  if (asked === null) {
    if (uid !== 0) return { user: null, note: '' };
    const found = addon?.processFindUser(DEFAULT_USER) ?? null;
    if (found !== null) return { user: { name: DEFAULT_USER, uid: found[0], gid: found[1] }, note: '' };
    if (addon === null) return { user: null, note: 'runs on as root: name a user to become by --user UID:GID' };
    const cure = `useradd --system ${DEFAULT_USER}, or name one by --user`;
    return { user: null, note: `runs on as root, without capabilities: there is no user ${DEFAULT_USER} (${cure})` };
  }
  const user = findUser(asked, addon);
  if (uid !== 0 && user.uid !== uid) {
    throw new UsageError(
      `--user ${escapeUnsafe(asked)} takes root to become; start as root, or as that user, without --user`,
    );
  }
  return { user: user.uid === uid ? null : user, note: '' };
}

function findUser(name: string, addon: ProcessAddon | null): TargetUser {
  const numbers = /^(\d{1,10}):(\d{1,10})$/.exec(name);
  if (numbers !== null) {
    const [uid, gid] = [Number(numbers[1]), Number(numbers[2])];
    if (uid < NO_ID && gid < NO_ID) return { name, uid, gid };
  }
  const found = /^\d*$/.test(name) ? null : (addon?.processFindUser(name) ?? null);
  if (found !== null) return { name, uid: found[0], gid: found[1] };
  const shown = escapeUnsafe(name);
  const cure = addon === null ? 'without the native addon only UID:GID can be used' : 'write a name, or UID:GID';
  throw new UsageError(`--user ${shown}: there is no such user; ${cure}`);
}

/**
 * Gives up what `plan` says. Throws where the system refuses, and where a thread has kept anything; then the process must end. Without
 * the addon only the user is changed.
 */
export function giveUpPrivileges({ user }: PrivilegePlan, addon: ProcessAddon | null): void {
  // What changes the user takes all capabilities from all threads; until then they are needed for it.
  addon?.processSeal(user !== null);
  if (user !== null) {
    process.setgroups?.([]);
    process.setgid?.(user.gid);
    process.setuid?.(user.uid);
  }
  if (addon === null) return;
  for (const thread of readdirSync(TASKS)) checkThread(thread, user);
}

/** An assertion: what the kernel says of one thread. */
function checkThread(thread: string, user: TargetUser | null): void {
  const status = readStatus(thread);
  if (status === null) return;
  const kept = ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].filter((set) => !/^0+$/.test(status.get(set) ?? ''));
  if (status.get('NoNewPrivs') !== '1') kept.push('NoNewPrivs');
  const isOther = (line: string, id: number) => (status.get(line) ?? '').split('\t').some((one) => one !== String(id));
  if (user !== null && (isOther('Uid', user.uid) || isOther('Gid', user.gid) || status.get('Groups')?.trim() !== '')) {
    kept.push('Uid, Gid or Groups');
  }
  if (kept.length > 0) throw new Error(`thread ${thread} has kept privileges: ${kept.join(', ')}`);
}

/** Null where the thread has ended. */
function readStatus(thread: string): ReadonlyMap<string, string> | null {
  let text: string;
  try {
    text = readFileSync(`${TASKS}/${thread}/status`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  }
  return new Map(
    text.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).replace(/^\t/, '')];
    }),
  );
}
