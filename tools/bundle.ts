/**
 * Joins the program's compiled modules into a few files: loading a hundred small ones takes longer than reading a small
 * capture. Packages stay where they are and are loaded when they are needed. The program of a capture worker is one file of its own: sharing
 * code with the main program would cut that into more files, which a replay would have to load.
 *
 *     node dist/tools/bundle.js
 *
 * `docs/decisions/0002-the-program-is-bundled.md` has the reasons.
 */
import { chmod } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { build } from 'rolldown';

const common = { platform: 'node', external: (id: string) => !id.startsWith('.') && !isAbsolute(id) } as const;

await build({
  ...common,
  input: 'dist/src/cli/main.js',
  output: { dir: 'dist/bin', format: 'esm', cleanDir: true },
});
await build({
  ...common,
  input: 'dist/src/sensor/capture-worker.js',
  output: { file: 'dist/bin/capture-worker.js', format: 'esm', codeSplitting: false },
});
// `npx spanglass` in a checkout runs the file itself.
await chmod('dist/bin/main.js', 0o755);
