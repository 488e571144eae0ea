/** What waits in a spool, as Splunk would get it. */
import { gunzipSync } from 'node:zlib';
import { openSpool } from '../../src/output/spool/open-spool.ts';

export interface SpooledEvent {
  readonly sourcetype: string;
  readonly event: Readonly<Record<string, unknown>>;
}

export async function readSpool(folder: string): Promise<readonly SpooledEvent[]> {
  const spool = await openSpool({ folder, sensor: 'test', sinks: [{ name: 'hec', policy: 'pause' }] });
  try {
    return spool
      .consumer('hec')
      .read(0, Number.POSITIVE_INFINITY)
      .flatMap(({ gzip }) => gunzipSync(gzip).toString().trimEnd().split('\n'))
      .map((line): SpooledEvent => JSON.parse(line));
  } finally {
    await spool.close();
  }
}
