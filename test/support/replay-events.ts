/** What a replay makes of a capture, to be held against what live capture makes of the same packets. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCaptures } from '../../src/capture/find-captures.ts';
import { EventBuilder } from '../../src/event/build-event.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { PROFILES } from '../../src/event/profile.ts';
import { Pipeline } from '../../src/sensor/pipeline.ts';
import { replayCaptures } from '../../src/sensor/replay.ts';

const PCAP_HEADER_LEN = 24;

/** All captures of pcaps/ that are of IPv4, one behind the other in one file. */
export async function joinCaptures(folder: string): Promise<string> {
  const { captures } = await findCaptures(['pcaps']);
  const files = captures.filter(({ path }) => path.endsWith('.pcap')).map(({ path }) => readFileSync(path));
  const records = files.map((bytes) => bytes.subarray(PCAP_HEADER_LEN));
  const path = join(folder, 'everything.pcap');
  writeFileSync(path, Buffer.concat([files[0]!.subarray(0, PCAP_HEADER_LEN), ...records]));
  return path;
}

/** The lines of a replay, without the capture's name. */
export async function replayEvents(path: string): Promise<string[]> {
  const builder = new EventBuilder({ sensor: 'test', bootId: 'replay' }, PROFILES['stream:ssl'], {});
  const json = new JsonWriter();
  const lines: string[] = [];
  const onHandshake: ConstructorParameters<typeof Pipeline>[0]['onHandshake'] = (facts) => {
    json.reset();
    builder.writeJson({ ...facts, captureFile: '' }, json);
    lines.push(Buffer.from(json.view()).toString());
  };
  const pipeline = new Pipeline({ onHandshake }, { scoring: 'refined' });
  const observer = { onProgress: () => {}, onCapture: () => {} };
  await replayCaptures((await findCaptures([path])).captures, pipeline, observer, new AbortController().signal);
  return lines;
}
