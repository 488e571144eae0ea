/** A HEC sink that can't begin: its configuration points at something that is not there or not usable. */
export class HecError extends Error {
  readonly code: 'bad_endpoint' | 'bad_tls' | 'bad_token' | 'bad_proxy';

  constructor(code: HecError['code'], message: string) {
    super(message);
    this.name = 'HecError';
    this.code = code;
  }
}
