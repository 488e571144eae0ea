/** What stops a capture, or an interface, from being opened or read on: operational, so it is thrown. Damage inside a capture is a `CaptureFault`. */

import { escapeUnsafe } from '../bytes/text.ts';

export type CaptureErrorCode =
  | 'not_found'
  | 'not_readable'
  | 'is_folder'
  | 'is_empty'
  | 'not_a_capture'
  | 'no_captures'
  | 'read_failed'
  | 'busy'
  | 'no_addon'
  | 'no_interface'
  | 'no_permission'
  | 'bad_filter'
  | 'no_libpcap'
  | 'bad_ring'
  | 'interface_gone';

/** The message names the file, what is wrong, and the cure; it is ready to be shown. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly code: CaptureErrorCode;
  /** The file, folder or interface, as the user named it. */
  readonly path: string;

  constructor(code: CaptureErrorCode, path: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
  }
}

/** What the file system says against `path`, in words. */
export function toCaptureError(error: unknown, path: string): CaptureError {
  const shown = escapeUnsafe(path);
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new CaptureError('not_found', path, `${shown}: no such file or folder`, error);
    case 'EACCES':
    case 'EPERM':
      return new CaptureError('not_readable', path, `${shown}: no permission to read it`, error);
    default: {
      const reason = error instanceof Error ? error.message : String(error);
      return new CaptureError('not_readable', path, `${shown}: can't be opened: ${reason}`, error);
    }
  }
}

/** The code of a file system error (`ENOENT`), or an empty text. */
function systemCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
