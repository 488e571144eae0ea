/** Loads the addon for live capture, once, and only where it is needed. What it exports is described in `native/`. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CaptureError } from './capture-error.ts';

/** `native/` lies above the sources, the compiled modules and the bundle, at most so many folders up. */
const MAX_FOLDERS_UP = 5;

const require = createRequire(import.meta.url);
let loaded: object | null = null;

/** The addon's exports; each part says in a type of its own which are its. Throws `CaptureError` where there is no addon. */
export function loadAddon(): object {
  loaded ??= load();
  return loaded;
}

function load(): object {
  if (process.platform !== 'linux') {
    throw new CaptureError(
      'no_addon',
      '',
      `live capture through the kernel's ring is for Linux; this is ${process.platform}`,
    );
  }
  const folder = findFolder();
  try {
    if (folder === undefined) throw new Error('it was not built');
    const loader: (path: string) => object = require('node-gyp-build');
    return loader(folder);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw new CaptureError(
      'no_addon',
      '',
      `the addon for live capture can't be loaded: ${reason}; with a C compiler (apt install gcc libc6-dev): npm run build:native`,
    );
  }
}

function findFolder(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let n = 0; n < MAX_FOLDERS_UP; n++) {
    folder = dirname(folder);
    const native = join(folder, 'native');
    if (existsSync(join(native, 'build')) || existsSync(join(native, 'prebuilds'))) return native;
  }
  return undefined;
}
