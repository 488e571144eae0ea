#!/usr/bin/env node
/**
 * The process around the command line: signals, closed pipes, the exit code.
 *
 * The first Ctrl-C or SIGTERM lets a replay finish what it has in hand and show its summary, and a capture write what it has to the
 * spool; the second ends at once. A reader that went away (`| head`) ends the run quietly.
 *
 * A named pipe is opened and read in a thread, and `process.exit` waits for it, for ever where no writer comes. Only a signal ends
 * such a process; to a shell the exit code is the same.
 */
import { ExitCode } from './exit-code.ts';
import { runCli } from './run-cli.ts';

const interrupt = new AbortController();
const readerGone = new AbortController();

type EndSignal = 'SIGINT' | 'SIGTERM';

const CODES = { SIGINT: ExitCode.Interrupted, SIGTERM: ExitCode.Terminated } as const satisfies Record<
  EndSignal,
  ExitCode
>;
/** The first that came. */
let endSignal: EndSignal = 'SIGINT';

function onEndSignal(signal: EndSignal): void {
  if (interrupt.signal.aborted) endInterrupted(signal);
  endSignal = signal;
  interrupt.abort();
}

function endInterrupted(signal: EndSignal): void {
  if (process.getActiveResourcesInfo().includes('FSReqCallback')) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exit(CODES[signal]);
  }
}

process.on('SIGINT', () => onEndSignal('SIGINT'));
process.on('SIGTERM', () => onEndSignal('SIGTERM'));

function onStdoutError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') {
    process.stderr.write(`spanglass: can't write standard output: ${error.message}\n`);
    process.exit(ExitCode.Failed);
  }
  readerGone.abort();
}

function onStderrError(error: NodeJS.ErrnoException): void {
  // Nobody is left to be told.
  if (error.code !== 'EPIPE') process.exit(ExitCode.Failed);
}

const watched = new Set<NodeJS.WriteStream>();

function watch(stream: NodeJS.WriteStream, onError: (error: NodeJS.ErrnoException) => void): NodeJS.WriteStream {
  if (!watched.has(stream)) stream.on('error', onError);
  watched.add(stream);
  return stream;
}

process.exitCode = await runCli(process.argv.slice(2), {
  // Opened when used: Node takes 2 ms for a file and 10 for the first pipe.
  get stdout() {
    return watch(process.stdout, onStdoutError);
  },
  get stderr() {
    return watch(process.stderr, onStderrError);
  },
  env: process.env,
  interrupt: interrupt.signal,
  onHangup(listener) {
    process.on('SIGHUP', listener);
  },
  readerGone: readerGone.signal,
});
// A read of a pipe that has nothing to say would keep the process alive.
if (process.exitCode === ExitCode.Interrupted) endInterrupted(endSignal);
