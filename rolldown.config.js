/**
 * Joins the program's modules into a few files: loading a hundred small ones takes longer than reading a small capture.
 * Packages stay where they are and are loaded when they are needed.
 */
import { isAbsolute } from 'node:path';
import { defineConfig } from 'rolldown';

export default defineConfig({
  input: 'dist/src/cli/main.js',
  platform: 'node',
  external: (id) => !id.startsWith('.') && !isAbsolute(id),
  output: { dir: 'dist/bin', format: 'esm', cleanDir: true },
});
