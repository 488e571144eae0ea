/** The certificates of the corpus as the sensor finds them in the packets: what became of each handshake's two chains. */
import type { Chain } from '../../src/x509/certificate.ts';
import { readCapture } from './pipeline-bench.ts';
import { CORPUS, corpusFiles } from './tiny-capture.ts';

export interface SeenChains {
  readonly capture: string;
  readonly srcPort: number;
  readonly destPort: number;
  readonly server: Chain | null;
  readonly client: Chain | null;
}

/** All handshakes of the corpus; none where it is missing. */
export async function corpusChains(): Promise<SeenChains[]> {
  const all: SeenChains[] = [];
  for (const capture of corpusFiles()) {
    const { seen } = await readCapture(CORPUS + capture);
    for (const { connection, handshake } of seen) {
      const { srcPort, destPort } = connection;
      const { serverCertificates: server, clientCertificates: client } = handshake;
      all.push({ capture, srcPort, destPort, server, client });
    }
  }
  return all;
}
