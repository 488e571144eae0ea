/**
 * The package `cap`: libpcap for Node, on every system that has it. It is installed by whoever wants it (docs/decisions/), so
 * what is used of it is written down here, and it is looked for only when it is asked for.
 */

import { isMainThread } from 'node:worker_threads';
import { escapeUnsafe } from '../../bytes/text.ts';
import { CaptureError } from '../capture-error.ts';

/** An open interface. `packet` comes with the number of bytes that lie in the buffer given to `open`. */
export interface CapHandle {
  /** Link type by a name of its own. Throws libpcap's words. */
  open(device: string, filter: string, kernelBufferBytes: number, buffer: Buffer): string;
  on(event: 'packet', listener: (sizeBytes: number, isCut: boolean) => void): unknown;
  /** Windows only: how many bytes wait before it is told. */
  setMinBytes?(sizeBytes: number): void;
  close(): unknown;
}

export interface CapPackage {
  readonly Cap: new () => CapHandle;
}

/** Not a literal: it may be missing, and neither the compiler nor the bundler may look for it. */
const PACKAGE: string = 'cap';
const CURE =
  'npm i --no-save cap; that takes a C++ compiler, Python, and the headers of libpcap (apt install libpcap-dev)';

/** Rejects with `CaptureError`, and the cure, where it is not there. */
export async function loadCap(load: (name: string) => Promise<unknown> = (name) => import(name)): Promise<CapPackage> {
  // It is bound to the loop of the main thread: in another one its packets would be told on the wrong one.
  if (!isMainThread) throw new Error('libpcap is opened on the main thread');
  let loaded: unknown;
  try {
    loaded = await load(PACKAGE);
  } catch (error) {
    throw new CaptureError('no_libpcap', '', `${describe(error)}; ${CURE}`, error);
  }
  const found = findCap(loaded);
  if (found === null)
    throw new CaptureError('no_libpcap', '', `the package cap is not the one that is expected; ${CURE}`);
  return found;
}

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  const reason = error instanceof Error ? escapeUnsafe(error.message.split('\n')[0]!) : String(error);
  switch (code) {
    case 'ERR_MODULE_NOT_FOUND':
      return 'capture through libpcap needs the package cap, which is not installed';
    case 'ERR_DLOPEN_FAILED':
      return `the package cap can't be loaded (${reason}): it is compiled for one version of Node, and needs libpcap; npm rebuild cap`;
    default:
      return `the package cap can't be loaded: ${reason}`;
  }
}

/** It is CommonJS: as it is loaded, or as the default of a module. */
function findCap(loaded: unknown): CapPackage | null {
  if (isCap(loaded)) return loaded;
  if (typeof loaded !== 'object' || loaded === null || !('default' in loaded)) return null;
  return isCap(loaded.default) ? loaded.default : null;
}

function isCap(value: unknown): value is CapPackage {
  return typeof value === 'object' && value !== null && 'Cap' in value && typeof value.Cap === 'function';
}
