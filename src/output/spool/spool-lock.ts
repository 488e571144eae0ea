/**
 * One process per spool: two would deliver everything twice and settle each other's batches.
 *
 * The lock is a file with its owner's process, made by `link`, which is atomic. A killed owner leaves it behind, so it says enough to be
 * judged: on the same boot and in the same process namespace by the process and when that began; from another container by the file's
 * time, which a living owner renews. Then a new owner waits until the old one has been silent for long enough.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOCK_HEARTBEAT_MS, LOCK_STALE_MS } from './limits.ts';
import { SpoolError } from './spool-error.ts';

interface LockOwner {
  readonly pid: number;
  /** Start of the process in ticks since boot; empty where it can't be known. */
  readonly started: string;
  /** Of the machine's run; empty where it can't be known. */
  readonly boot: string;
  /** Process namespace: a container's has its own numbers. */
  readonly namespace: string;
  readonly token: string;
}

export class SpoolLock {
  readonly #file: string;
  readonly #owner: LockOwner;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(file: string, owner: LockOwner) {
    this.#file = file;
    this.#owner = owner;
    this.#heartbeat = setInterval(() => renew(file), LOCK_HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** Rejects with `SpoolError` `locked` if another process has the spool. */
  static async take(folder: string): Promise<SpoolLock> {
    const file = path.join(folder, 'lock');
    const owner = describeSelf();
    const deadline = Date.now() + LOCK_STALE_MS + LOCK_HEARTBEAT_MS;
    for (;;) {
      if (create(file, owner)) return new SpoolLock(file, owner);
      const holder = readOwner(file);
      if (holder === 'gone') continue;
      const verdict = judge(holder, file, owner);
      if (verdict === 'dead') {
        breakLock(file, holder);
        continue;
      }
      if (verdict === 'alive' || Date.now() > deadline) {
        const who = holder === null ? 'another process' : `process ${holder.pid}`;
        throw new SpoolError('locked', `${folder} is in use by ${who}: a spool has one owner at a time`);
      }
      await sleep(LOCK_HEARTBEAT_MS / 4);
    }
  }

  release(): void {
    clearInterval(this.#heartbeat);
    const holder = readOwner(this.#file);
    if (holder !== 'gone' && holder?.token === this.#owner.token) fs.rmSync(this.#file, { force: true });
  }
}

/** True where a living process has the spool. */
export function isSpoolLocked(folder: string): boolean {
  const file = path.join(folder, 'lock');
  const holder = readOwner(file);
  return holder !== 'gone' && judge(holder, file, describeSelf()) !== 'dead';
}

function describeSelf(): LockOwner {
  return {
    pid: process.pid,
    started: startOf(process.pid),
    boot: readText('/proc/sys/kernel/random/boot_id').trim(),
    namespace: readLink('/proc/self/ns/pid'),
    token: randomUUID(),
  };
}

function create(file: string, owner: LockOwner): boolean {
  const own = `${file}.${owner.token}`;
  fs.writeFileSync(own, JSON.stringify(owner));
  try {
    fs.linkSync(own, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(own, { force: true });
  }
}

/** Null where the file says nothing that can be read. */
function readOwner(file: string): LockOwner | null | 'gone' {
  try {
    const owner: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    return isOwner(owner) ? owner : null;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'gone' : null;
  }
}

function isOwner(value: unknown): value is LockOwner {
  if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return false;
  return ['started', 'boot', 'namespace', 'token'].every(
    (key) => typeof (value as Record<string, unknown>)[key] === 'string',
  );
}

function judge(holder: LockOwner | null, file: string, self: LockOwner): 'alive' | 'dead' | 'unsure' {
  if (holder !== null && holder.boot === self.boot && holder.namespace === self.namespace) {
    if (holder.token === self.token) return 'alive';
    return isProcess(holder.pid) && startOf(holder.pid) === holder.started ? 'alive' : 'dead';
  }
  // Another container, another machine on a shared disk, or an unreadable lock: a living owner renews it.
  try {
    const silentMs = Date.now() - fs.statSync(file).mtimeMs;
    return silentMs > LOCK_STALE_MS ? 'dead' : 'unsure';
  } catch {
    return 'unsure';
  }
}

/** Moves the lock out of the way, and back if it turns out to be a newer one. */
function breakLock(file: string, holder: LockOwner | null): void {
  const aside = `${file}.stale.${randomUUID()}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readOwner(aside);
  const isSame = moved === 'gone' || moved?.token === holder?.token;
  if (!isSame && !fs.existsSync(file)) fs.renameSync(aside, file);
  else fs.rmSync(aside, { force: true });
}

function renew(file: string): void {
  const now = new Date();
  try {
    fs.utimesSync(file, now, now);
  } catch (error) {
    // The folder was removed under us: nothing that a heartbeat could mend.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Field 22 of `/proc/<pid>/stat`; the name before it may hold spaces and brackets. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    // Only Linux has these files; elsewhere the number of the process alone decides.
    return '';
  }
}

function readLink(file: string): string {
  try {
    return fs.readlinkSync(file);
  } catch {
    return '';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
