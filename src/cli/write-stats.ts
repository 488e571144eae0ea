import type { ByteFile } from '../output/byte-file.ts';
import { OutputError } from '../output/output-error.ts';
import type { RunStats } from './run-stats.ts';

/** What `--stats` asked for, at the end of a run. Gives what went wrong; a reader that went away is nothing wrong. */
export function writeStats(file: ByteFile | null, stats: RunStats): OutputError | null {
  if (file === null) return null;
  try {
    file.write(new TextEncoder().encode(`${JSON.stringify(stats, null, 2)}\n`));
    file.close();
    return null;
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    return error.code === 'closed_by_reader' ? null : error;
  }
}
