/** The spool can't do what it was asked: operational, thrown on set-up and from awaited calls. */
export class SpoolError extends Error {
  readonly code: 'locked' | 'cannot_open' | 'closed' | 'wrong_sum' | 'unknown_sink' | 'bad_option';

  constructor(code: SpoolError['code'], message: string) {
    super(message);
    this.name = 'SpoolError';
    this.code = code;
  }
}
