/** An output that can't be opened or written: operational, so it is thrown and ends in an exit status. */
export class OutputError extends Error {
  readonly code: 'cannot_open' | 'cannot_write' | 'closed_by_reader';

  constructor(code: OutputError['code'], message: string) {
    super(message);
    this.name = 'OutputError';
    this.code = code;
  }
}
