/** Errors on their way between threads. */
import { CaptureError, type CaptureErrorCode } from '../capture/capture-error.ts';
import { toError } from './to-error.ts';

/** An error as data: the clone that a message makes of one loses its class and its fields. */
export interface SentError {
  readonly message: string;
  readonly stack: string;
  /** Null where it is no `CaptureError`. */
  readonly capture: { readonly code: CaptureErrorCode; readonly path: string } | null;
}

export function toSentError(thrown: unknown): SentError {
  const error = toError(thrown);
  return {
    message: error.message,
    stack: error.stack ?? error.message,
    capture: error instanceof CaptureError ? { code: error.code, path: error.path } : null,
  };
}

/** The error as it was; its stack is that of the thread it comes from. */
export function fromSentError({ message, stack, capture }: SentError): Error {
  const error = capture === null ? new Error(message) : new CaptureError(capture.code, capture.path, message);
  error.stack = stack;
  return error;
}
