/**
 * Builds the OpenTelemetry Collector of collector-build.yaml with its own builder, where Go is installed. What was built, or why it could
 * not be, is kept in `out/otel`; remove that folder to try again.
 *
 *     node dist/test/interop/build-collector.js
 *
 * Exit status 0 in any case: a machine that can't build it skips the test, and the test's title says why.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { BUILDER, COLLECTOR_VERSION, FAILURE_FILE, OTEL_FOLDER, whyNoCollector } from './collector-binary.ts';

const INSTALL_MS = 300_000;
const BUILD_MS = 900_000;
/** What Go says of a failed download is at the end of its output. */
const MAX_REASON = 300;

mkdirSync(OTEL_FOLDER, { recursive: true });
if (whyNoCollector() !== '' && !existsSync(FAILURE_FILE)) build();
const reason = whyNoCollector();
console.log(reason === '' ? 'interop: the collector is there' : `interop: no collector: ${reason}`);

function build(): void {
  if (!runs('go', ['version'], 10_000)) return;
  const builder = `go.opentelemetry.io/collector/cmd/builder@${COLLECTOR_VERSION}`;
  if (!existsSync(BUILDER) && !runs('go', ['install', builder], INSTALL_MS)) return;
  runs(BUILDER, ['--config', path.resolve('test/interop/collector-build.yaml')], BUILD_MS);
}

function runs(program: string, args: readonly string[], timeout: number): boolean {
  console.log(`interop: ${program} ${args.join(' ')}`);
  const env = { ...process.env, GOBIN: path.dirname(BUILDER) };
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env, timeout });
  if (status === 0) return true;
  const isAbsent = error !== undefined && 'code' in error && error.code === 'ENOENT';
  const words = error?.message ?? `${stdout}${stderr}`.replaceAll(/\s+/g, ' ').trim().slice(-MAX_REASON);
  fail(isAbsent ? `${program} is not installed here` : `${path.basename(program)}: ${words}`);
  return false;
}

function fail(reason: string): void {
  writeFileSync(FAILURE_FILE, `${reason}\n`);
}
