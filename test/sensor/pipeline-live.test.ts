/** What the pipeline does for live capture alone: flows that are done with, a clock beside that of the packets, a budget. */
import { describe, expect, it } from 'vitest';
import { findCaptures } from '../../src/capture/find-captures.ts';
import { IDLE_TIMEOUT_S } from '../../src/flow/limits.ts';
import type { ScoringMode } from '../../src/score/score.ts';
import { MAX_PROBED_BYTES } from '../../src/sensor/limits.ts';
import { LiveClock } from '../../src/sensor/live-clock.ts';
import { type FlowDone, Pipeline } from '../../src/sensor/pipeline.ts';
import { countsOf, missingShare } from '../../src/sensor/pipeline-counts.ts';
import { replayCaptures } from '../../src/sensor/replay.ts';
import * as damage from '../../tools/make-pcap/damage.ts';
import { joinBytes } from '../../tools/make-pcap/packet-writer.ts';
import { type ConversationOptions, TcpConversation } from '../../tools/make-pcap/tcp-conversation.ts';
import { PipelineBench } from '../support/pipeline-bench.ts';
import * as tls from '../support/tls-bytes.ts';

const ENDS = {
  client: { ip: '192.0.2.10', port: 50_123, mac: '02:00:5e:00:00:0a' },
  server: { ip: '198.51.100.7', port: 8443, mac: '02:00:5e:00:00:0b' },
};
const HELLO = tls.handshake(tls.clientHello({ serverName: 'server.example' }));
const FLIGHT = tls.handshake(
  tls.serverHello(),
  tls.certificateMessage(tls.certificate('server.example', 'i'.repeat(4000))),
  tls.serverKeyExchange,
  tls.serverHelloDone,
);
const ANSWER = joinBytes(tls.handshake(tls.clientKeyExchange), tls.changeCipherSpec, tls.encryptedFinished);
const END = joinBytes(tls.changeCipherSpec, tls.encryptedFinished);

function begin(options: Partial<ConversationOptions> = {}): TcpConversation {
  return new TcpConversation({ ...ENDS, clientIsn: 100, serverIsn: 500, ...options }).open();
}

function talk12(options: Partial<ConversationOptions> = {}): TcpConversation {
  return begin(options).send('client', HELLO).send('server', FLIGHT).send('client', ANSWER).send('server', END);
}

/** Flows that were done with, in words that a person reads. */
function recorder(): { readonly done: string[]; readonly onFlowDone: FlowDone } {
  const done: string[] = [];
  const onFlowDone: FlowDone = (isV6, words, addrA, addrB, ports, isnA, isnB) => {
    const end = (at: number) =>
      Array.from(words.subarray(at, at + (isV6 ? 4 : 1)), (word) => (word >>> 0).toString(16)).join();
    done.push(`${end(addrA)} ${ports >>> 16} ${end(addrB)} ${ports & 0xffff} ${isnA} ${isnB}`);
  };
  return { done, onFlowDone };
}

describe('Pipeline: a flow that is done with', () => {
  it('is told once, at the end of its handshake, with its key and the numbers of its SYNs', () => {
    const { done, onFlowDone } = recorder();
    const bench = new PipelineBench({ onFlowDone });
    const talk = talk12();
    bench.read(talk.toPackets());
    expect(done).toEqual(['c000020a 50123 c6336407 8443 100 500']);
    const before = talk.segments.length;
    talk.send('client', tls.applicationData(500)).send('server', tls.applicationData(5000)).close('client');
    bench.read(talk.toPackets(talk.segments.slice(before))).finish();
    expect(done.length).toBe(1);
  });

  it('has no numbers where a SYN was not seen', () => {
    const { done, onFlowDone } = recorder();
    const talk = talk12();
    new PipelineBench({ onFlowDone }).read(talk.toPackets(damage.withoutOpening(talk.segments)));
    expect(done).toEqual(['c000020a 50123 c6336407 8443 undefined undefined']);
  });

  it('has four words of each address over IPv6', () => {
    const { done, onFlowDone } = recorder();
    const talk = talk12({ client: { ip: '2001:db8::b', port: 1 }, server: { ip: '2001:db8::a', port: 2 } });
    new PipelineBench({ onFlowDone }).read(talk.toPackets());
    expect(done).toEqual(['20010db8,0,0,a 2 20010db8,0,0,b 1 500 100']);
  });

  it('is told where it is not TLS', () => {
    const { done, onFlowDone } = recorder();
    const talk = begin()
      .send('server', Buffer.alloc(MAX_PROBED_BYTES + 1, 0x2e))
      .send('server', Buffer.alloc(9000));
    new PipelineBench({ onFlowDone }).read(talk.toPackets());
    expect(done.length).toBe(1);
  });

  it('is not told where it only closed, or only began', () => {
    const { done, onFlowDone } = recorder();
    const closed = begin().send('client', HELLO).close('client');
    const open = begin({ client: { ...ENDS.client, port: 7 } }).send('client', HELLO);
    new PipelineBench({ onFlowDone }).read(closed.toPackets()).read(open.toPackets());
    expect(done).toEqual([]);
  });

  it('is told again for the next connection of the same five-tuple', () => {
    const { done, onFlowDone } = recorder();
    const [one, two] = [talk12(), talk12({ clientIsn: 9000, serverIsn: 8000 })];
    new PipelineBench({ onFlowDone }).read(one.toPackets()).read(two.toPackets());
    expect(done.map((text) => text.split(' ').slice(4))).toEqual([
      ['100', '500'],
      ['9000', '8000'],
    ]);
  });

  it('is one that is over its budget, and its event says what was seen until then', () => {
    const { done, onFlowDone } = recorder();
    const bench = new PipelineBench({ onFlowDone, flowBudgetBytes: HELLO.length + 1460 });
    bench.read(talk12().toPackets());
    expect(done.length).toBe(1);
    expect(bench.seen.length).toBe(1);
    expect(bench.seen[0]!.handshake).toMatchObject({ history: 'Cs', certVisibility: 'lost', isEstablished: false });
  });
});

describe('Pipeline: time without packets', () => {
  it('ends a handshake that fell silent', () => {
    let ms = 0;
    const bench = new PipelineBench({ clock: new LiveClock(() => ms) });
    bench.pipeline.tick();
    bench.read(begin().send('client', HELLO).toPackets());
    ms += 1000 * (IDLE_TIMEOUT_S - 1);
    bench.pipeline.tick();
    expect(bench.seen.length).toBe(0);
    ms += 2000;
    bench.pipeline.tick();
    expect(bench.seen.length).toBe(1);
    expect(bench.pipeline.tracker.counters.idle).toBe(1);
  });

  it('does not end one because the clock was set', () => {
    const hour = 3600n * 1_000_000_000n;
    for (const step of [hour, -hour]) {
      let ms = 0;
      const bench = new PipelineBench({ clock: new LiveClock(() => ms) });
      const talk = talk12();
      const packets = talk.toPackets();
      const late = packets.slice(6).map((packet) => ({ ...packet, tsNs: packet.tsNs + step }));
      bench.read(packets.slice(0, 6));
      ms += 1000;
      bench.read(late);
      expect(bench.pipeline.tracker.counters.idle).toBe(0);
      expect(bench.seen.map(({ handshake }) => handshake.isEstablished)).toEqual([true]);
    }
  });

  it('does nothing where there is no clock', () => {
    const bench = new PipelineBench();
    bench.read(begin().send('client', HELLO).toPackets());
    bench.pipeline.tick();
    expect(bench.seen.length).toBe(0);
  });
});

describe('Pipeline: settings that change', () => {
  it('scores the next handshake in the new mode', async () => {
    const { captures } = await findCaptures(['pcaps']);
    const observer = { onProgress: () => {}, onCapture: () => {} };
    const levelsOf = async (pipeline: Pipeline): Promise<string> => {
      const before = countsOf(pipeline).handshakes.byLevel;
      await replayCaptures(captures, pipeline, observer, new AbortController().signal);
      const { byLevel } = countsOf(pipeline).handshakes;
      return ['High', 'Medium', 'Low', 'None'].map((level) => (byLevel[level] ?? 0) - (before[level] ?? 0)).join(' ');
    };
    const pipeline = (scoring: ScoringMode) => new Pipeline({ onHandshake: () => {} }, { scoring });
    const [faithful, refined] = [await levelsOf(pipeline('faithful')), await levelsOf(pipeline('refined'))];
    expect(faithful).not.toBe(refined);
    const changed = pipeline('faithful');
    expect(await levelsOf(changed)).toBe(faithful);
    changed.setScoring('refined');
    expect(await levelsOf(changed)).toBe(refined);
  });
});

describe('missingShare', () => {
  it('is what did not come, of all that was sent', () => {
    const talk = talk12();
    const bench = new PipelineBench().read(talk.toPackets(damage.loseData(talk.segments, 'server', 1)));
    bench.finish();
    const counts = countsOf(bench.pipeline);
    expect(counts.flows.gapBytes).toBe(1460);
    const sent = HELLO.length + FLIGHT.length + ANSWER.length + END.length;
    expect(counts.flows.streamBytes).toBe(sent - 1460);
    expect(missingShare(counts)).toBeCloseTo(1460 / sent, 10);
    expect(missingShare(countsOf(new PipelineBench().pipeline))).toBe(0);
  });
});
