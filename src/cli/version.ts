import { readFileSync } from 'node:fs';

/** The version of the package this file is in, wherever the build put it. */
export function readVersion(): string {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    const version = readPackageVersion(new URL('package.json', folder));
    if (version !== null) return version;
  }
  return 'unknown';
}

function readPackageVersion(file: URL): string | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // There is none in this folder.
    return null;
  }
  const content: unknown = JSON.parse(text);
  if (typeof content !== 'object' || content === null) return null;
  return 'version' in content && typeof content.version === 'string' ? content.version : null;
}
