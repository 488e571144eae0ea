/**
 * Joins the program's compiled modules into a few files: loading a hundred small ones takes longer than reading a small
 * capture. Packages stay where they are and are loaded when they are needed. The program of a capture worker is one more file beside
 * it, with what both share in files between them.
 *
 *     node dist/tools/bundle.js
 *
 * `docs/decisions/0002-the-program-is-bundled.md` has the reasons.
 */
import { chmod } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { build } from 'rolldown';

await build({
  input: {
    main: 'dist/src/cli/main.js',
    'capture-worker': 'dist/src/sensor/capture-worker.js',
  },
  platform: 'node',
  external: (id) => !id.startsWith('.') && !isAbsolute(id),
  output: { dir: 'dist/bin', format: 'esm', cleanDir: true },
});
// `npx spanglass` in a checkout runs the file itself.
await chmod('dist/bin/main.js', 0o755);
