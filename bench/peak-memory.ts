/**
 * Loaded into the process that is measured (`node --import`): at its end it leaves its peak resident memory in KiB in the
 * file that $SPANGLASS_BENCH_PEAK names. A process can ask this of itself exactly, on every system.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const { SPANGLASS_BENCH_PEAK: path } = process.env;
if (isMainThread && path !== undefined) {
  process.on('exit', () => writeFileSync(path, `${process.resourceUsage().maxRSS}\n`));
}
