/** Loaded only with `--metrics`. */
import { MetricsServer } from '../output/metrics-server.ts';
import type { EventDelivery } from '../sensor/event-delivery.ts';
import type { SensorCounts } from '../sensor/live-counts.ts';
import { SensorMetrics } from '../sensor/metrics.ts';
import type { ListenAddress } from './listen-address.ts';

/** Rejects with `OutputError`. */
export async function openMetrics(
  { host, port }: ListenAddress,
  counts: () => SensorCounts,
  delivery: EventDelivery | null,
): Promise<MetricsServer> {
  const server = new MetricsServer(new SensorMetrics(counts, delivery));
  await server.listen(host, port);
  return server;
}
