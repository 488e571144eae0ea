/**
 * Reads an interface through libpcap in a worker, as a live capture does, and shows what comes: what a test starts inside a namespace.
 *
 *     libpcap-reader.mjs interface expression [file of the package cap]
 *
 * SIGTERM stops the intake; the last line has the counters after the queue is drained.
 */
import { pathToFileURL } from 'node:url';
import { isMainThread, type MessagePort, parentPort, type Transferable, Worker, workerData } from 'node:worker_threads';
import { loadCap } from '../../../src/capture/libpcap/cap-package.ts';
import { LIBPCAP_DEFAULTS, type LibpcapHandle, LibpcapIntake } from '../../../src/capture/libpcap/libpcap-intake.ts';
import { openLibpcapSource } from '../../../src/capture/libpcap/libpcap-source.ts';
import { PacketBlock } from '../../../src/capture/packet-source.ts';

function tell(value: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function open(): Promise<void> {
  const [interfaceName = '', filter = '', file = ''] = process.argv.slice(2);
  const cap = await loadCap((name) => import(file === '' ? name : pathToFileURL(file).href));
  const intake = new LibpcapIntake({ ...LIBPCAP_DEFAULTS, interface: interfaceName, filter }, cap);
  const worker = new Worker(process.argv[1]!, { workerData: intake.handle });
  worker.on('message', tell);
  worker.on('exit', () => intake.close());
  process.on('SIGTERM', () => intake.close());
  tell({ open: true, linkType: intake.handle.linkType });
}

async function read(handle: LibpcapHandle, port: MessagePort): Promise<void> {
  const none: Transferable[] = [];
  const source = openLibpcapSource(handle);
  const block = new PacketBlock();
  while (await source.next(block)) {
    for (let i = 0; i < block.count; i++) {
      const bytes = Buffer.from(block.buf.subarray(block.at[i], block.at[i]! + block.capLen[i]!));
      port.postMessage({ packet: bytes.toString('hex'), us: block.tsUs[i] }, none);
    }
  }
  port.postMessage({ end: true, ...source.readKernel() }, none);
}

try {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the main thread above hands over
  await (isMainThread ? open() : read(workerData as LibpcapHandle, parentPort!));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  tell({ error: error.message });
}
