/**
 * All counters of a run as Prometheus metrics. Nothing is counted here: each metric reads its source when it is scraped, so the sums of
 * docs/operating.md hold in every scrape.
 *
 *     spanglass_events_emitted_total = acknowledged + queued + the sum of dropped
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { DROP_NAMES, Drop } from '../decode/drop.ts';
import type { Histogram as HecHistogram } from '../output/hec/counters.ts';
import type { HecSink } from '../output/hec/sender.ts';
import type { MetricsSource, SensorHealth } from '../output/metrics-server.ts';
import type { Spool } from '../output/spool/spool.ts';
import type { SpoolCounters } from '../output/spool/spool-batch.ts';
import { spoolStatus } from '../output/spool/spool-status.ts';
import type { EventDelivery } from './event-delivery.ts';
import type { LiveCounts, SensorCounts } from './live-counts.ts';
import {
  type CountsByName,
  missingShare,
  type PipelineCounts,
  packetsDecoded,
  packetsReceived,
} from './pipeline-counts.ts';

/** Of a delivery that does not go to Splunk. */
const FILES_ONLY = { state: 'delivering', reason: '', text: '' } as const;

/** Label values, and the number. */
type Reading = readonly [labels: Readonly<Record<string, string>>, value: number];

export class SensorMetrics implements MetricsSource {
  readonly #registry = new Registry();
  readonly #delivery: EventDelivery | null;

  /** `read` gives the numbers of the moment; `delivery` is null where nothing is delivered. */
  constructor(read: () => SensorCounts, delivery: EventDelivery | null) {
    this.#delivery = delivery;
    this.#addPackets(() => read().pipeline);
    this.#addFlows(() => read().pipeline);
    if (read().live !== null) this.#addLive(() => read().live!);
    if (delivery === null) return;
    this.#addEvents(delivery);
    if (delivery.spool !== null) this.#addSpool(delivery.spool, delivery.sinkNames);
    if (delivery.hec !== null) this.#addHec(delivery.hec);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  metrics(): Promise<string> {
    return this.#registry.metrics();
  }

  health(): SensorHealth {
    const delivery = this.#delivery;
    if (delivery === null) return { isWell: true, fields: {} };
    const { state, reason, text } = delivery.hec?.status() ?? FILES_ONLY;
    const { emitted, acknowledged, queued } = delivery.counters();
    const fault = delivery.fault?.message ?? delivery.writeFault;
    return {
      isWell: state !== 'holding' && fault === '',
      fields: {
        state,
        ...(reason !== '' && { reason }),
        ...(text !== '' && { text: delivery.redact(text) }),
        ...(fault !== '' && { fault: delivery.redact(fault) }),
        emitted,
        acknowledged,
        queued,
      },
    };
  }

  #addPackets(read: () => PipelineCounts): void {
    this.#counter('packets_received_total', 'Packets read.', [], () => [[{}, packetsReceived(read())]]);
    this.#counter('packets_decoded_total', 'Packets down to TCP or UDP.', [], () => [[{}, packetsDecoded(read())]]);
    this.#counter('packets_dropped_total', 'Packets that were not decoded, by reason.', ['reason'], () =>
      read().decoded.flatMap((n, drop): Reading[] =>
        drop === Drop.Decoded || n === 0 ? [] : [[{ reason: DROP_NAMES[drop]! }, n]],
      ),
    );
  }

  #addFlows(read: () => PipelineCounts): void {
    this.#counter('flows_total', 'TCP connections followed.', [], () => [[{}, read().flows.flows]]);
    this.#gauge('flows_open', 'TCP connections in the table.', [], () => [[{}, read().openFlows]]);
    this.#counter('flows_evicted_total', 'Connections given up because the table was full.', [], () => [
      [{}, read().flows.evicted],
    ]);
    this.#counter('flow_gap_bytes_total', 'Bytes missing in the streams.', [], () => [[{}, read().flows.gapBytes]]);
    this.#gauge('missing_share', 'Share of the bytes of streams that did not come.', [], () => [
      [{}, missingShare(read())],
    ]);
    this.#counter('handshakes_total', 'TLS handshakes, by what was seen of the certificate.', ['visibility'], () =>
      byName(read().handshakes.byVisibility, 'visibility'),
    );
    this.#counter('faults_total', 'Handshakes that met a fault of the wire, by name.', ['fault'], () =>
      byName(read().handshakes.faults, 'fault'),
    );
  }

  #addLive(read: () => LiveCounts): void {
    this.#counter('kernel_packets_received_total', 'Packets that the interface brought.', [], () => [
      [{}, read().kernel.received],
    ]);
    this.#counter('kernel_bytes_received_total', 'Bytes of these packets.', [], () => [
      [{}, read().kernel.receivedBytes],
    ]);
    this.#counter('kernel_ring_dropped_total', 'Packets lost because the ring was full.', [], () => [
      [{}, read().kernel.ringDropped],
    ]);
    this.#counter('kernel_ring_freezes_total', 'Times that the ring was full.', [], () => [
      [{}, read().kernel.freezes],
    ]);
    this.#gauge('kernel_ring_waiting', 'Packets in the ring that were not read yet.', [], () => [
      [{}, read().kernel.waiting],
    ]);
    this.#counter(
      'kernel_shunted_packets_total',
      'Packets dropped in the kernel as not needed, by reason.',
      ['reason'],
      () => Object.entries(read().kernel.shunted).map(([reason, { packets }]): Reading => [{ reason }, packets]),
    );
    this.#counter('kernel_shunted_bytes_total', 'Bytes of these packets.', ['reason'], () =>
      Object.entries(read().kernel.shunted).map(([reason, { bytes }]): Reading => [{ reason }, bytes]),
    );
    this.#counter(
      'handover_dropped_total',
      'Events lost between a worker and the delivery, by reason.',
      ['reason'],
      () => byName(read().handover.dropped, 'reason'),
    );
    this.#gauge('handover_waiting_bytes', 'Events that wait for the delivery.', [], () => [
      [{}, read().handover.waitingBytes],
    ]);
    this.#gauge('link_up', 'Whether the interface is there and up.', [], () => [[{}, read().link === 'up' ? 1 : 0]]);
    this.#gauge('workers', 'Threads that read packets.', [], () => [[{}, read().workers]]);
    this.#counter('worker_cpu_seconds_total', 'CPU time of these threads.', [], () => [[{}, read().cpuS]]);
  }

  #addEvents(delivery: EventDelivery): void {
    const ofEach = (read: (account: SpoolCounters) => number) =>
      delivery.sinkNames.map((sink): Reading => [{ sink }, read(delivery.counters(sink))]);
    this.#counter('events_emitted_total', 'Events, of all runs that used the spool where there is one.', ['sink'], () =>
      ofEach(({ emitted }) => emitted),
    );
    this.#counter('events_acknowledged_total', 'Events delivered.', ['sink'], () =>
      ofEach(({ acknowledged }) => acknowledged),
    );
    this.#gauge('events_queued', 'Events that wait.', ['sink'], () => ofEach(({ queued }) => queued));
    this.#counter('events_dropped_total', 'Events given up, by reason.', ['sink', 'reason'], () =>
      delivery.sinkNames.flatMap((sink) =>
        Object.entries(delivery.counters(sink).dropped).map(([reason, n]): Reading => [{ sink, reason }, n]),
      ),
    );
    this.#counter('run_events_written_total', 'Events of this run.', [], () => [[{}, delivery.counts().written]]);
  }

  #addSpool(spool: Spool, sinkNames: readonly string[]): void {
    this.#gauge('spool_live_bytes', 'Batches in the spool.', [], () => [[{}, spool.book.liveBytes]]);
    this.#gauge('spool_file_bytes', 'Size of the file of the spool.', [], () => [[{}, spool.fileBytes]]);
    this.#gauge('spool_max_bytes', 'Bound of the spool.', [], () => [[{}, spool.options.maxBytes]]);
    this.#gauge('spool_free_disk_bytes', 'Free space of its disk.', [], () => [[{}, spool.freeBytes]]);
    this.#gauge('spool_oldest_seconds', 'Age of the oldest batch that waits.', ['sink'], () =>
      spoolStatus(spool)
        .sinks.filter(({ name }) => sinkNames.includes(name))
        .map(({ name, oldestAgeMs }): Reading => [{ sink: name }, oldestAgeMs / 1000]),
    );
  }

  #addHec(sink: HecSink): void {
    const { counters } = sink;
    this.#counter('hec_requests_total', 'Requests, by what was asked and the verdict.', ['kind', 'verdict'], () =>
      [...counters.requests].map(([key, n]): Reading => {
        const space = key.indexOf(' ');
        return [{ kind: key.slice(0, space), verdict: key.slice(space + 1) }, n];
      }),
    );
    const plain = {
      hec_sent_bytes_total: ['Bytes of bodies with events, compressed.', () => counters.bytesSent],
      hec_events_acknowledged_total: ['Events that an indexer acknowledged.', () => counters.eventsAcknowledged],
      hec_events_accepted_total: [
        'Events accepted by a server without acknowledgement.',
        () => counters.eventsAccepted,
      ],
      hec_retries_total: ['Bodies sent again after a failure.', () => counters.retries],
      hec_resends_total: ['Bodies sent again for want of an acknowledgement.', () => counters.resends],
      hec_possible_duplicates_total: ['Events that may be there twice.', () => counters.possibleDuplicates],
      hec_quarantined_total: ['Events in the quarantine file.', () => counters.quarantined],
      hec_channels_lost_total: ['Channels lost to a balancer or a restart.', () => counters.channelsLost],
      hec_token_switches_total: ['Changes to the other token.', () => counters.tokenSwitches],
    } as const;
    for (const [name, [help, read]] of Object.entries(plain)) this.#counter(name, help, [], () => [[{}, read()]]);
    this.#gauge('hec_state', 'One for the state that delivery is in.', ['state', 'reason'], () => {
      const { state, reason } = sink.status();
      return [[{ state, reason }, 1]];
    });
    this.#gauge('hec_outstanding_acks', 'Requests whose acknowledgement is awaited.', [], () => [
      [{}, sink.status().outstandingAcks],
    ]);
    this.#histogram('hec_request_seconds', 'Duration of requests with events.', counters.requestSeconds);
    this.#histogram('hec_ack_seconds', 'From sending to the acknowledgement.', counters.ackSeconds);
  }

  #counter(name: string, help: string, labelNames: readonly string[], read: () => readonly Reading[]): void {
    const counter = new Counter({
      name: `spanglass_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        counter.reset();
        for (const [labels, value] of read()) counter.inc({ ...labels }, value);
      },
    });
  }

  #gauge(name: string, help: string, labelNames: readonly string[], read: () => readonly Reading[]): void {
    const gauge = new Gauge({
      name: `spanglass_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        gauge.reset();
        for (const [labels, value] of read()) gauge.set({ ...labels }, value);
      },
    });
  }

  #histogram(name: string, help: string, source: HecHistogram): void {
    this.#registry.registerMetric(new ReadHistogram(`spanglass_${name}`, help, source));
  }
}

function byName(counts: CountsByName, label: string): readonly Reading[] {
  return Object.entries(counts).map(([name, n]): Reading => [{ [label]: name }, n]);
}

/** A histogram whose observations are counted elsewhere. The registry asks for its samples by a method that has no type. */
class ReadHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #source: HecHistogram;

  constructor(name: string, help: string, source: HecHistogram) {
    super({ name, help, buckets: [...source.bounds], registers: [] });
    this.#name = name;
    this.#help = help;
    this.#source = source;
  }

  getForPromString() {
    const { bounds, counts, sum, count } = this.#source;
    let below = 0;
    const buckets = counts.map((n, i) => {
      below += n;
      return { metricName: `${this.#name}_bucket`, labels: { le: bounds[i] ?? '+Inf' }, value: below };
    });
    const totals = [
      { metricName: `${this.#name}_sum`, labels: {}, value: sum },
      { metricName: `${this.#name}_count`, labels: {}, value: count },
    ];
    const values = [...buckets, ...totals];
    return Promise.resolve({ name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values });
  }
}
