/**
 * A live capture as a program of its own, which a test starts inside a network namespace; what comes out is told as lines of JSON.
 *
 *     live-program.mjs WORKER.mjs '{"source": {"interface": "b0", …}, "workers": 2}'
 *
 * SIGTERM stops it, and the last line has the counts.
 */
import { pathToFileURL } from 'node:url';
import { SHUNT_DEFAULTS } from '../../src/capture/flow-shunt.ts';
import { RING_DEFAULTS } from '../../src/capture/ring-source.ts';
import type { EventBatch } from '../../src/sensor/event-batch.ts';
import { LiveCapture } from '../../src/sensor/live-capture.ts';
import type { LiveOptions } from '../../src/sensor/live-options.ts';

type RingPlan = Extract<LiveOptions['source'], { kind: 'ring' }>;
type Plan = Partial<Omit<LiveOptions, 'source'>> & {
  readonly source: Partial<RingPlan> & { readonly interface: string };
};

function tell(value: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const [, , worker, json] = process.argv;
const plan: Plan = JSON.parse(json!);
const options: LiveOptions = {
  workers: 1,
  sensor: 'test',
  profile: 'stream:ssl',
  events: {},
  scoring: 'refined',
  filter: null,
  minRisk: 0,
  maxFlows: 100_000,
  hasEvents: true,
  hasFindings: false,
  ...plan,
  source: { kind: 'ring', ...RING_DEFAULTS, filter: null, shunt: SHUNT_DEFAULTS, ...plan.source },
  workerUrl: pathToFileURL(worker!),
};

const capture = await LiveCapture.open(options, {
  onBatch: ({ lines }: EventBatch) => {
    for (const line of Buffer.from(lines).toString().trimEnd().split('\n')) tell({ event: JSON.parse(line).event });
    return null;
  },
  onDropped: (dropped) => tell({ dropped }),
  onFindings: () => {},
  onNote: (note) => tell({ note }),
  onLink: (link) => tell({ link }),
  onFault: ({ stack }) => tell({ fault: stack }),
});
tell({ open: true });
capture.start();
process.on('SIGTERM', () => {
  capture.stop().then(
    (counts) => tell({ end: counts }),
    (error: unknown) => tell({ fault: String(error) }),
  );
});
