/**
 * `spanglass capture`: an interface in, findings and events out, until it is told to end.
 *
 *     settings ─> rings open ─> privileges given up ─> spool, files, metrics open ─> packets are read
 *                                                         ^ by who is left: what can't be written is told before anything is read
 */
import { CaptureError } from '../capture/capture-error.ts';
import { readArguments } from './arguments.ts';
import { CaptureRun } from './capture-run.ts';
import { resolveCapture } from './capture-settings.ts';
import type { CliIo } from './cli-io.ts';
import type { CommandSpec } from './command-spec.ts';
import { ExitCode } from './exit-code.ts';
import { refuseSharedOutputs } from './output-settings.ts';
import { readConfig } from './read-config.ts';
import { readFilter } from './replay-command.ts';

/** Throws `UsageError` before anything is opened, and `OutputError`. */
export async function runCapture(spec: CommandSpec, args: readonly string[], io: CliIo): Promise<ExitCode> {
  const given = readArguments(spec, args);
  const config = await readConfig(given);
  const settings = resolveCapture(given, config);
  refuseSharedOutputs(settings, io);
  await readFilter(settings.filter, settings.filterOrigin);
  try {
    const run = await CaptureRun.open({ settings, given, config, io });
    return await run.untilEnd();
  } catch (error) {
    // Its message has the cure.
    if (!(error instanceof CaptureError)) throw error;
    io.stderr.write(`spanglass: ${error.message}\n`);
    return ExitCode.Failed;
  }
}
