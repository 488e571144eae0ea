/**
 * Notices that files may have changed. Their folders are watched, since secrets and certificates are usually replaced by renaming or by
 * turning a link; and whoever asked looks every few seconds all the same, since no notice comes from a network file system.
 */
import { type FSWatcher, watch } from 'node:fs';
import path from 'node:path';

export class WatchedFiles {
  readonly #watchers: FSWatcher[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(files: readonly string[], pollMs: number, look: () => void) {
    this.#timer = setInterval(look, pollMs);
    this.#timer.unref();
    for (const folder of new Set(files.map((file) => path.dirname(file)))) {
      try {
        const watcher = watch(folder, { persistent: false }, look);
        // The folder went away, say: looking at intervals goes on.
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // No such folder yet, or no watches left on this machine: looking at intervals has to do.
      }
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    clearInterval(this.#timer);
  }
}
