/** One input through its target, judged: null where all promises hold, else what is wrong, as a sentence. */
import { type FuzzTarget, Violation } from './fuzz-target.ts';
import { SLOW_MS, SLOW_MS_PER_KIB, SLOW_ONCE_MS, SLOW_RETRIES } from './limits.ts';

const STACK_LINES = 8;

export interface Verdict {
  readonly reason: string | null;
  readonly ms: number;
}

export async function runInput(target: FuzzTarget, bytes: Uint8Array): Promise<Verdict> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const reason = await failureOf(target, bytes);
  const ms = performance.now() - began;
  if (reason !== null || ms <= allowedMs(bytes)) return { reason, ms };
  return { reason: await slownessOf(target, bytes, cpuMsSince(cpu)), ms };
}

/** Says what was slow, in time of the processor: a busy machine slows down whom it likes. Null where nothing was. */
async function slownessOf(target: FuzzTarget, bytes: Uint8Array, firstMs: number): Promise<string | null> {
  let fastest = firstMs;
  for (let i = 0; i < SLOW_RETRIES; i++) {
    const cpu = process.cpuUsage();
    await failureOf(target, bytes);
    fastest = Math.min(fastest, cpuMsSince(cpu));
  }
  if (fastest > allowedMs(bytes)) return `takes ${Math.round(fastest)} ms for ${bytes.length} bytes`;
  if (firstMs > SLOW_ONCE_MS) return `took ${Math.round(firstMs)} ms for ${bytes.length} bytes, but not when repeated`;
  return null;
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function failureOf(target: FuzzTarget, bytes: Uint8Array): Promise<string | null> {
  try {
    const later = target.run(bytes);
    // A promise for each input would take longer than most inputs.
    if (later !== undefined) await later;
    return null;
  } catch (error) {
    return error instanceof Error ? describe(error) : `threw ${String(error)}`;
  }
}

/** What is wrong and where: for a broken promise the message, for the rest the nearest calls as well. */
function describe(error: Error): string {
  if (error instanceof Violation) return error.message;
  return (error.stack ?? error.message).split('\n').slice(0, STACK_LINES).join('\n');
}

function allowedMs(bytes: Uint8Array): number {
  return SLOW_MS + (SLOW_MS_PER_KIB * bytes.length) / 1024;
}
