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

/**
 * Versions that a module proxy was asked for, one try each, where it did not serve v0.165.0: none has both the receiver and the
 * acknowledgements, as one of the two is refused (403), not known (404), or to be fetched from GitHub itself.
 */
const TRIED = 'v0.150.0, v0.152.0, v0.154.0, v0.155.0, v0.160.0 to v0.164.0';

/** Empty where there is a collector; else the reason, for a test's title. */
export function whyNoCollector(): string {
  if (existsSync(COLLECTOR)) return '';
  if (existsSync(FAILURE_FILE)) return `${readFileSync(FAILURE_FILE, 'utf8').trim()}; tried before: ${TRIED}`;
  return 'not built: npm run test:interop does it where Go is installed';
}
