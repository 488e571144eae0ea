/**
 * What one piece of work costs in each room, in one process, from memory.
 *
 *     npm run bench:rooms -- [--files DIR]
 *
 * Each is done in batches until the figure is worth something; the median of the batches counts, in CPU time. The last column
 * compares it with hashing 1 KiB (SHA-256) measured in the same run, which travels between machines where nanoseconds don't.
 */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { Command } from 'commander';
import { Cursor } from '../src/bytes/cursor.ts';
import { EventBuilder } from '../src/event/build-event.ts';
import { encodeEvent } from '../src/event/encode-event.ts';
import { JsonWriter } from '../src/event/json-writer.ts';
import { PROFILES } from '../src/event/profile.ts';
import { type StreamHandler, Want } from '../src/flow/stream-handler.ts';
import { TcpTracker } from '../src/flow/tcp-tracker.ts';
import { CertificateReader } from '../src/sensor/certificate-reader.ts';
import { Pipeline } from '../src/sensor/pipeline.ts';
import { parseClientHello } from '../src/tls/client-hello.ts';
import { HelloShapeCache } from '../src/tls/hello-shape-cache.ts';
import { parseCertificate } from '../src/x509/parse-certificate.ts';
import { prepareInput } from './inputs.ts';
import { median } from './measure-process.ts';
import { eachFrame, loadRoomInputs, type RoomInputs } from './room-inputs.ts';
import { grouped, textTable } from './text-table.ts';

interface Case {
  readonly name: string;
  readonly per: string;
  /** Does the work once over and says how many pieces that was. */
  readonly run: () => number;
}

const BATCHES = 7;
const BATCH_MS = 150;
const WARM_UP_MS = 500;

/** The first cipher suite of a hello's body, behind version, random and an empty or a full session id. */
const SESSION_ID_AT = 34;

async function main(): Promise<void> {
  const program = new Command('rooms')
    .description('Cost of one packet, hello, certificate and event.')
    .option('--files <folder>', 'use handshakes.pcap of this folder')
    .parse();
  const { files } = program.opts<{ files?: string }>();
  const { SPANGLASS_BENCH_DIR: folder = join('out', 'bench') } = process.env;
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const path = files ? join(files, 'handshakes.pcap') : (await prepareInput(folder, 'handshakes', 'full', say)).path;
  const inputs = await loadRoomInputs(path);
  const { packets, hellos, certificates, facts } = inputs;
  const found = `${grouped(hellos.length)} hellos, ${certificates.length} certificates, ${grouped(facts.length)} events`;
  process.stdout.write(`${grouped(packets)} packets of ${path}: ${found}\n\n`);
  if (hellos.length === 0 || certificates.length === 0) throw new Error(`${path} has nothing to measure with`);
  const yardstick = Buffer.alloc(1024, 'spanglass');
  const hashNs = measure(() => repeat(10_000, () => hash('sha256', yardstick)));
  const rows = [['work', 'per', 'ns', 'SHA-256 of 1 KiB']];
  for (const { name, per, run } of [...packetCases(inputs), ...handshakeCases(inputs)]) {
    const ns = measure(run);
    rows.push([name, per, grouped(ns), (ns / hashNs).toFixed(2)]);
  }
  rows.push(['SHA-256 of 1 KiB', 'hash', grouped(hashNs), '1']);
  process.stdout.write(textTable(rows));
}

/** A handler that looks at nothing: what remains is the flow room. */
const LOOK_AWAY: StreamHandler = { onBytes: () => Want.Nothing, onGap: () => Want.Nothing, onEnd: () => undefined };
const LISTEN: StreamHandler = { onBytes: () => Want.More, onGap: () => Want.More, onEnd: () => undefined };

function packetCases({ blocks, interfaces, packets }: RoomInputs): Case[] {
  const track = (handler: StreamHandler) => () => {
    const tracker = new TcpTracker(handler, { seed: 1 });
    eachFrame(blocks, interfaces, (frame, tsUs) => {
      tracker.advance(tsUs);
      tracker.packet(frame);
    });
    return packets;
  };
  return [
    {
      name: 'decode',
      per: 'packet',
      run: () => {
        let bytes = 0;
        eachFrame(blocks, interfaces, (frame) => {
          bytes += frame.payloadLen;
        });
        if (bytes === 0) throw new Error('packets of a capture of handshakes have payload');
        return packets;
      },
    },
    { name: 'decode + flow, nobody listens', per: 'packet', run: track(LOOK_AWAY) },
    { name: 'decode + flow, all delivered', per: 'packet', run: track(LISTEN) },
    {
      name: 'whole pipeline, no output',
      per: 'packet',
      run: () => {
        const pipeline = new Pipeline({ onHandshake: () => undefined }, { scoring: 'refined' });
        for (const block of blocks) pipeline.read(block, interfaces);
        pipeline.finish();
        return packets;
      },
    },
  ];
}

function handshakeCases({ hellos, certificates, chains, facts }: RoomInputs): Case[] {
  const cursor = new Cursor();
  const shapes = new HelloShapeCache();
  const reader = new CertificateReader();
  const identity = { sensor: 'bench', bootId: '00000000-0000-4000-8000-000000000000' };
  const builder = new EventBuilder(identity, PROFILES['stream:ssl']);
  const writer = new JsonWriter();
  // Hellos that nobody has met: each time another first cipher suite.
  const strangers = hellos.map((hello) => hello.slice());
  let suite = 0;
  return [
    {
      name: 'ClientHello, shape known',
      per: 'hello',
      run: () => {
        for (const hello of hellos) parseClientHello(cursor.reset(hello, 0, hello.length), 't', shapes);
        return hellos.length;
      },
    },
    {
      name: 'ClientHello, shape new',
      per: 'hello',
      run: () => {
        for (const hello of strangers) {
          const suiteAt = SESSION_ID_AT + 1 + hello[SESSION_ID_AT]! + 2;
          suite = (suite + 1) & 0xffff;
          hello[suiteAt] = suite >> 8;
          hello[suiteAt + 1] = suite & 0xff;
          parseClientHello(cursor.reset(hello, 0, hello.length), 't', shapes);
        }
        return strangers.length;
      },
    },
    {
      name: 'certificate, new',
      per: 'certificate',
      run: () => {
        for (const der of certificates) parseCertificate(der);
        return certificates.length;
      },
    },
    {
      name: 'chain, known',
      per: 'chain',
      run: () => {
        for (const chain of chains) reader.readList(chain, 0, chain.length);
        return chains.length;
      },
    },
    {
      name: 'event as JSON',
      per: 'event',
      run: () => {
        for (const of of facts) {
          writer.reset();
          builder.writeJson(of, writer);
        }
        return facts.length;
      },
    },
    {
      name: 'event as protobuf',
      per: 'event',
      run: () => {
        for (const of of facts) encodeEvent(builder, of);
        return facts.length;
      },
    },
  ];
}

/** Nanoseconds of CPU time for one piece of work: the median of the batches. */
function measure(run: () => number): number {
  batch(run, WARM_UP_MS);
  return median(Array.from({ length: BATCHES }, () => batch(run, BATCH_MS)));
}

/** Repeats the work for about `ms` milliseconds of CPU time, all threads of the process counted. */
function batch(run: () => number, ms: number): number {
  const began = process.cpuUsage();
  let done = 0;
  let usedUs = 0;
  while (usedUs < ms * 1000) {
    done += run();
    const { user, system } = process.cpuUsage(began);
    usedUs = user + system;
  }
  return (usedUs * 1000) / done;
}

function repeat(times: number, work: () => unknown): number {
  for (let i = 0; i < times; i++) work();
  return times;
}

await main();
