/** What the process ends with. Documented in `--help` and docs/operating.md: scripts rely on the numbers. */
export const ExitCode = {
  /** All was read and written. */
  Ok: 0,
  /** An output could not be written, `inspect` found no handshake, or `doctor` a fault. */
  Failed: 1,
  /** Wrong arguments or configuration; nothing was read. */
  Usage: 2,
  /** A capture could not be read, or not to its end. The others were read. */
  CaptureFailed: 3,
  /** Events wait in the spool, or were dropped: not all was acknowledged. */
  NotDelivered: 4,
  /** Ctrl-C, after the summary. */
  Interrupted: 130,
  /** SIGTERM, likewise. */
  Terminated: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
