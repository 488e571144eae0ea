/** Loads the addon for live capture, once, and only where it is needed. What it exports is described in `native/`. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CaptureError } from './capture-error.ts';

/** `native/` as seen from the sources and the bundle, from the compiled modules, and from those that tests compile. */
const PLACES = ['../../native', '../../../native', '../../../../native'];

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
  const folder = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url))).find(
    (path) => existsSync(join(path, 'build.mjs')) || existsSync(join(path, 'prebuilds')),
  );
  try {
    if (folder === undefined) throw new Error('the folder native/ is not there');
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
