/**
 * The HEC simulator as a program, to play with by hand or to load from another process.
 *
 *     node dist/test/support/hec/main.js [--port 8088] [--token test-token] [--ack] [--indexers 1] [--not-sticky]
 *         [--index-delay-ms 0] [--max-body-bytes N] [--cloud] [--scan] [--web-port 8000] [--fault-rate 0] [--seed 1]
 *         [--events FILE]
 *
 * Every two seconds it says what came; at SIGINT or SIGTERM it runs the accounting search, prints it as JSON and ends.
 */
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { EVERY_ACK_FAULT, EVERY_EVENT_FAULT, SeededFaults } from './fault-plan.ts';
import { HecServer } from './hec-server.ts';
import { SplunkWeb } from './splunk-web.ts';

const REPORT_MS = 2_000;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8088' },
    token: { type: 'string', default: 'test-token' },
    ack: { type: 'boolean', default: false },
    indexers: { type: 'string', default: '1' },
    'not-sticky': { type: 'boolean', default: false },
    'index-delay-ms': { type: 'string', default: '0' },
    'max-body-bytes': { type: 'string' },
    cloud: { type: 'boolean', default: false },
    scan: { type: 'boolean', default: false },
    'web-port': { type: 'string' },
    'fault-rate': { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    events: { type: 'string' },
  },
});

const eventsFile = values.events;
const server = new HecServer({
  port: Number(values.port),
  tokens: { [values.token]: { usesAck: values.ack } },
  indexers: Number(values.indexers),
  isSticky: !values['not-sticky'],
  indexDelayMs: Number(values['index-delay-ms']),
  sizeMode: values.cloud ? 'cloud' : 'enterprise',
  reading: values.scan ? 'scan' : 'parse',
  faults: new SeededFaults({
    seed: Number(values.seed),
    rate: Number(values['fault-rate']),
    eventFaults: EVERY_EVENT_FAULT,
    ackFaults: EVERY_ACK_FAULT,
  }),
  ...(values['max-body-bytes'] === undefined ? {} : { maxBodyBytes: Number(values['max-body-bytes']) }),
  ...(eventsFile !== undefined && { onTaken: (body) => appendFileSync(eventsFile, `${body.toString()}\n`) }),
});

console.log(`HEC simulator at ${await server.start()}`);
const web = values['web-port'] === undefined ? null : new SplunkWeb('redirect');
if (web !== null) console.log(`Splunk Web at ${await web.start(Number(values['web-port']))}`);

let lastIndexed = 0;
const ticker = setInterval(() => {
  for (const indexer of server.indexers) indexer.indexDue(Date.now());
  const { indexed } = server.ledger;
  if (indexed === lastIndexed) return;
  console.log(`${indexed} events (${Math.round(((indexed - lastIndexed) * 1000) / REPORT_MS)}/s)`);
  lastIndexed = indexed;
}, REPORT_MS);

async function stop(): Promise<void> {
  clearInterval(ticker);
  await server.stop();
  await web?.stop();
  console.log(JSON.stringify({ counters: server.counters, search: server.ledger.runAccountingSearch() }, null, 2));
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    stop().catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    });
  });
