/**
 * Notices that files may have changed. What is watched is the folder, since secrets and certificates are usually replaced by renaming; of it
 * the file's own name counts, and each link that leads to it. So a folder in which much goes on costs nothing, and Kubernetes may turn
 * its link:
 *
 *     /secrets/token -> ..data/token         `token` and `..data` in /secrets,
 *     /secrets/..data -> ..2026_11_24        `token` in /secrets/..2026_11_24
 *
 * Whoever asked looks every few seconds all the same, since no notice comes from a network file system, or where there is no watch left.
 */
import { type FSWatcher, readlinkSync, statSync, watch } from 'node:fs';
import path from 'node:path';

/** Notices within this time are one: a file is made, written and renamed, and the look comes behind it all. */
const GATHER_MS = 250;
/** What Linux follows. */
const MAX_LINKS = 40;

interface WatchedFolder {
  readonly watcher: FSWatcher;
  names: ReadonlySet<string>;
}

export class WatchedFiles {
  readonly #files: readonly string[];
  readonly #look: () => void;
  readonly #timer: NodeJS.Timeout;
  /** By device, inode and path: a folder that was made anew is another one. */
  readonly #folders = new Map<string, WatchedFolder>();
  #gathering: NodeJS.Timeout | null = null;

  constructor(files: readonly string[], pollMs: number, look: () => void) {
    this.#files = files;
    this.#look = look;
    this.#timer = setInterval(() => this.#lookNow(), pollMs);
    this.#timer.unref();
    this.#watch();
  }

  close(): void {
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
    clearInterval(this.#timer);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
  }

  #lookNow(): void {
    // First: what changes behind the look is noticed.
    this.#watch();
    this.#look();
  }

  #onNotice(): void {
    if (this.#gathering !== null) return;
    this.#gathering = setTimeout(() => {
      this.#gathering = null;
      this.#lookNow();
    }, GATHER_MS);
    this.#gathering.unref();
  }

  /** Watches what there is to be watched now: a link may lead elsewhere. */
  #watch(): void {
    const places = new Map<string, Set<string>>();
    for (const file of this.#files) addPlaces(file, places);
    const found = new Set<string>();
    for (const [folder, names] of places) {
      const key = keyOf(folder);
      if (key === null) continue;
      found.add(key);
      const watched = this.#folders.get(key);
      if (watched === undefined) this.#watchFolder(key, folder, names);
      else watched.names = names;
    }
    for (const [key, { watcher }] of this.#folders) {
      if (found.has(key)) continue;
      watcher.close();
      this.#folders.delete(key);
    }
  }

  #watchFolder(key: string, folder: string, names: ReadonlySet<string>): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        // Not every system says the name.
        if (name === null || this.#folders.get(key)?.names.has(name) === true) this.#onNotice();
      });
      // The folder went away, say: looking at intervals goes on.
      watcher.on('error', () => watcher.close());
      this.#folders.set(key, { watcher, names });
    } catch {
      // No watches left on this machine: looking at intervals has to do.
    }
  }
}

/** Adds, by their folder, the names that decide what `file` is: its links one after the other, and the file's own or the first that is not there. */
function addPlaces(file: string, places: Map<string, Set<string>>): void {
  const whole = path.resolve(file);
  let folder = path.parse(whole).root;
  const rest = whole.slice(folder.length).split(path.sep);
  let links = 0;
  while (rest.length > 0) {
    const name = rest.shift()!;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      folder = path.dirname(folder);
      continue;
    }
    const here = path.join(folder, name);
    const target = readLink(here);
    if (target !== NO_LINK || rest.length === 0) {
      const names = places.get(folder) ?? new Set<string>();
      places.set(folder, names.add(name));
    }
    if (target === NOT_THERE) return;
    if (target === NO_LINK) {
      folder = here;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return;
    if (path.isAbsolute(target)) folder = path.parse(target).root;
    rest.unshift(...(path.isAbsolute(target) ? target.slice(folder.length) : target).split(path.sep));
  }
}

const NO_LINK = 0;
const NOT_THERE = 1;

function readLink(file: string): string | typeof NO_LINK | typeof NOT_THERE {
  try {
    return readlinkSync(file);
  } catch (error) {
    // What is no link is refused with EINVAL, or UNKNOWN on Windows.
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? NOT_THERE : NO_LINK;
  }
}

/** Null where there is no such folder, or it is closed to us. */
function keyOf(folder: string): string | null {
  try {
    const { dev, ino } = statSync(folder);
    return `${dev}:${ino}:${folder}`;
  } catch {
    // Looking at intervals has to do, until it is there.
    return null;
  }
}
