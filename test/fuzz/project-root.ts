/** The project's folder: the fuzzer runs from `test/` in the tests and from a build folder otherwise. */
import { existsSync } from 'node:fs';
import path from 'node:path';

export const PROJECT_ROOT: string = findRoot(import.meta.dirname);

/** The nearest folder above that holds a package and its captures. */
function findRoot(folder: string): string {
  if (existsSync(path.join(folder, 'package.json')) && existsSync(path.join(folder, 'pcaps'))) return folder;
  const above = path.dirname(folder);
  if (above === folder) throw new Error('no folder with package.json and pcaps/ above the fuzzer');
  return findRoot(above);
}
