/** Where the OpenTelemetry Collector is that was built for the interop test, and why it is not there. Under `out/`, which git ignores. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Of the builder, and of what collector-build.yaml asks for. Another version is another build. */
export const COLLECTOR_VERSION = 'v0.165.0';

export const OTEL_FOLDER = path.resolve('out/otel');
export const COLLECTOR = path.join(OTEL_FOLDER, 'build', 'otelcol-hec');
export const BUILDER = path.join(OTEL_FOLDER, 'bin', 'builder');
/** Of the last try: what failed, in one line. */
export const FAILURE_FILE = path.join(OTEL_FOLDER, `failure-${COLLECTOR_VERSION}`);

/** Empty where there is a collector; else the reason, for a test's title. */
export function whyNoCollector(): string {
  if (existsSync(COLLECTOR)) return '';
  if (existsSync(FAILURE_FILE)) return readFileSync(FAILURE_FILE, 'utf8').trim();
  return 'not built: npm run test:interop does it where Go is installed';
}
