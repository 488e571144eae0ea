/** The whole way: the bytes of a capture in, events out. */
import { FixedWindow } from '../../src/capture/byte-window.ts';
import { DROP_NAMES } from '../../src/decode/drop.ts';
import { ScoringMode } from '../../src/score/score.ts';
import { Pipeline } from '../../src/sensor/pipeline.ts';
import { walkCapture } from './captured-packets.ts';
import { EventChecker } from './events.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import { captureMutator } from './mutate-capture.ts';
import type { Samples } from './samples.ts';

const MAX_FILE_BYTES = 65_536;
const OPTIONS = { scoring: ScoringMode.Refined, seed: 0, maxFlows: 64 };

let events: EventChecker | null = null;

/** A pipeline for each input: what the input does, it does alone. */
const once: FuzzTarget = {
  name: 'sensor.capture',
  weight: 40,
  maxBytes: MAX_FILE_BYTES,
  seeds,
  mutator: ({ captures }) => captureMutator(captures),
  run(bytes) {
    events ??= new EventChecker();
    const checker = events;
    const scoring = bytes.length % 2 === 0 ? ScoringMode.Refined : ScoringMode.Faithful;
    const pipeline = new Pipeline({ onHandshake: (facts) => void checker.check(facts) }, { ...OPTIONS, scoring });
    replay(pipeline, bytes);
  },
};

/** One pipeline for all inputs, as a sensor runs for weeks: what is kept has to stay bounded. */
let lasting: Pipeline | null = null;
const forever: FuzzTarget = {
  name: 'sensor.forever',
  weight: 150,
  maxBytes: MAX_FILE_BYTES,
  seeds,
  mutator: ({ captures }) => captureMutator(captures),
  run(bytes) {
    events ??= new EventChecker();
    const checker = events;
    lasting ??= new Pipeline({ onHandshake: (facts) => void checker.check(facts) }, OPTIONS);
    replay(lasting, bytes);
  },
};

export const PIPELINE_TARGETS: readonly FuzzTarget[] = [once, forever];

function seeds({ files }: Samples): Uint8Array[] {
  return files.filter((file) => file.length < 16_384);
}

function replay(pipeline: Pipeline, bytes: Uint8Array): void {
  const { tracker, decoder, counters } = pipeline;
  const before = sumOf(decoder.counters);
  const handshakes = counters.handshakes;
  let packets = 0;
  pipeline.begin('fuzz.pcap');
  walkCapture(new FixedWindow(bytes), (block, interfaces) => {
    packets += block.count;
    pipeline.read(block, interfaces);
  });
  pipeline.finish();
  promise(sumOf(decoder.counters) - before === packets, 'packets and counters differ');
  promise(tracker.table.size === 0, 'a flow is left');
  promise(tracker.heldBytes === 0, 'bytes are held after the end');
  promise(counters.handshakes >= handshakes, 'handshakes are uncounted');
}

function sumOf(counters: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < DROP_NAMES.length; i++) sum += counters[i]!;
  return sum;
}
