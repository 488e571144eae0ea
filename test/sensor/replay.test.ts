import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CaptureResult, replayCaptures } from '../../src/sensor/replay.ts';
import { buildPcap } from '../../tools/make-pcap/capture-writer.ts';
import { TcpConversation } from '../../tools/make-pcap/tcp-conversation.ts';
import { PipelineBench } from '../support/pipeline-bench.ts';
import { clientHello, handshake } from '../support/tls-bytes.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spanglass-replay-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A capture with one ClientHello, written `years` before the usual time. */
function write(name: string, years = 0, cutBytes = 0): string {
  const talk = new TcpConversation({
    client: { ip: '192.0.2.1', port: 1024 },
    server: { ip: '192.0.2.2', port: 443 },
    startNs: 1_793_696_400_000_000_000n - BigInt(years) * 31_536_000_000_000_000n,
  });
  talk.open().send('client', handshake(clientHello()));
  const file = buildPcap(talk.toPackets());
  const path = join(folder, name);
  writeFileSync(path, file.subarray(0, file.length - cutBytes));
  return path;
}

async function replay(paths: readonly string[], signal = new AbortController().signal) {
  const bench = new PipelineBench();
  const results: CaptureResult[] = [];
  const progress: string[] = [];
  const observer = {
    onProgress: (path: string) => void progress.push(path),
    onCapture: (result: CaptureResult) => void results.push(result),
  };
  await replayCaptures(
    paths.map((path) => ({ path, sizeBytes: 0 })),
    bench.pipeline,
    observer,
    signal,
  );
  return { bench, results, progress };
}

describe('replayCaptures', () => {
  it('replays one capture after another, each with its name on its events, whatever their times', async () => {
    const paths = [write('new.pcap'), write('old.pcap', 9), write('newest.pcap', -1)];
    const { bench, results, progress } = await replay(paths);
    expect(bench.seen.map((s) => s.captureFile)).toEqual(paths);
    expect(results.map(({ path, error, fault }) => ({ path, error, fault }))).toEqual(
      paths.map((path) => ({ path, error: null, fault: null })),
    );
    expect(results.map((r) => r.counters!.packets)).toEqual([5, 5, 5]);
    expect(new Set(progress)).toEqual(new Set(paths));
    // The same five-tuple in three captures is three connections.
    expect(bench.pipeline.tracker.counters).toMatchObject({ flows: 3, reused: 0 });
    expect(bench.pipeline.tracker.table.size).toBe(0);
  });

  it('goes on behind a capture that is not there, and one that is none', async () => {
    const text = join(folder, 'text.pcap');
    writeFileSync(text, 'this is no capture, but it is long enough to be one');
    const { bench, results } = await replay([join(folder, 'absent.pcap'), text, write('good.pcap')]);
    expect(results.map((r) => r.error === null)).toEqual([false, false, true]);
    expect(results[0]!.counters).toBeNull();
    expect(bench.seen.length).toBe(1);
  });

  it('tells what came before the end of a capture that is cut', async () => {
    const { bench, results } = await replay([write('cut.pcap', 0, 10)]);
    expect(results[0]!.fault?.code).toBe('cut');
    expect(results[0]!.error).toBeNull();
    // The last packet is an acknowledgement.
    expect(bench.seen.length).toBe(1);
  });

  it('stops when it is told to', async () => {
    const { bench, results } = await replay([write('one.pcap')], AbortSignal.abort());
    expect([bench.seen.length, results.length]).toEqual([0, 0]);
  });

  it('lets through what the sink throws', async () => {
    const bench = new PipelineBench();
    bench.seen.push = () => {
      throw new RangeError('full');
    };
    const observer = { onProgress: () => undefined, onCapture: () => undefined };
    const captures = [{ path: write('thrown.pcap'), sizeBytes: 0 }];
    await expect(replayCaptures(captures, bench.pipeline, observer, new AbortController().signal)).rejects.toThrow(
      'full',
    );
  });
});
