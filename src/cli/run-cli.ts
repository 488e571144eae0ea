/** From arguments to an exit code. Loads only what the command needs: the start of the process is a part of every replay. */
import { escapeUnsafe } from '../bytes/text.ts';
import { OutputError } from '../output/output-error.ts';
import type { CliIo, TextStream } from './cli-io.ts';
import { COMMANDS, type CommandSpec } from './command-spec.ts';
import { ExitCode } from './exit-code.ts';
import { UsageError } from './usage-error.ts';

/** `args` are those behind the program's name. Errors that a user can cure are shown; others are thrown. */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    if (error instanceof UsageError) {
      for (const line of error.message.split('\n'))
        io.stderr.write(line.startsWith(' ') ? `${line}\n` : `spanglass: ${line}\n`);
      return ExitCode.Usage;
    }
    if (error instanceof OutputError) {
      if (error.code === 'closed_by_reader') return ExitCode.Ok;
      io.stderr.write(`spanglass: ${escapeUnsafe(error.message)}\n`);
      return ExitCode.Failed;
    }
    throw error;
  }
}

async function dispatch(args: readonly string[], io: CliIo): Promise<ExitCode> {
  const [first, ...rest] = args;
  const spec = COMMANDS.get(first ?? '');
  if (spec !== undefined) return asksForHelp(rest) ? showHelp(spec, io.stdout) : runCommand(spec, rest, io);
  if (first === undefined) {
    await showHelp(null, io.stderr);
    return ExitCode.Usage;
  }
  if (first === '--help' || first === '-h' || first === 'help')
    return showHelp(COMMANDS.get(rest[0] ?? '') ?? null, io.stdout);
  if (first === '--version' || first === '-V') {
    const { readVersion } = await import('./version.ts');
    io.stdout.write(`spanglass ${readVersion()}\n`);
    return ExitCode.Ok;
  }
  throw await refuseCommand(first);
}

async function runCommand(spec: CommandSpec, args: readonly string[], io: CliIo): Promise<ExitCode> {
  if (spec.name === 'capture') {
    const { runCapture } = await import('./capture-command.ts');
    return runCapture(spec, args, io);
  }
  if (spec.name === 'inspect') {
    const { runInspect } = await import('./inspect-command.ts');
    return runInspect(spec, args, io);
  }
  if (spec.name === 'spool') {
    const { runSpool } = await import('./spool-command.ts');
    return runSpool(spec, args, io);
  }
  if (spec.name === 'doctor') {
    const { runDoctor } = await import('./doctor-command.ts');
    return runDoctor(spec, args, io);
  }
  const { runReplay } = await import('./replay-command.ts');
  return runReplay(spec, args, io);
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  return options.includes('--help') || options.includes('-h');
}

async function showHelp(spec: CommandSpec | null, stream: TextStream): Promise<ExitCode> {
  const { toCommandHelp, toMainHelp } = await import('./help.ts');
  stream.write(spec === null ? toMainHelp() : toCommandHelp(spec));
  return ExitCode.Ok;
}

async function refuseCommand(first: string): Promise<UsageError> {
  const { nearestName } = await import('../sensor/nearest-name.ts');
  const names = [...COMMANDS.keys()];
  const near = nearestName(first, names);
  const shown = escapeUnsafe(first);
  const cure =
    near === null
      ? `the commands are ${names.join(', ')}; to read a capture: spanglass replay ${shown}`
      : `did you mean ${near}?`;
  return new UsageError(`there is no command ${shown}; ${cure}`);
}
