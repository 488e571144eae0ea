/** The chains of every handshake of the corpus: the same certificates in the same order as other tools state them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Chain } from '../../src/x509/certificate.ts';
import { corpusChains } from '../support/corpus-chains.ts';
import { CORPUS, CORPUS_MISSING } from '../support/tiny-capture.ts';

/** A hash is absent where only a SHA-1 is stated. */
const chain = z.array(z.object({ sha256: z.string().optional() })).default([]);
const capture = z.object({
  pcap: z.string(),
  features: z.array(z.string()),
  handshakes: z.array(
    z.object({ transport: z.string(), src_port: z.number(), dest_port: z.number(), certs: chain, client_certs: chain }),
  ),
});

/** VLAN tags aside, what is in a tunnel is not looked at yet. */
const TUNNEL = /^tunnel:(?!vlan|qinq-88a8)/;

/** Fewer chains mean that nothing was compared. */
const AT_LEAST = 410;

interface FlowChains {
  readonly key: string;
  readonly server: readonly string[] | null;
  readonly client: readonly string[] | null;
}

function expectedChains(): FlowChains[] {
  const folder = path.join(CORPUS, '../expected');
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  const captures = files.map((file) => capture.parse(JSON.parse(readFileSync(path.join(folder, file), 'utf8'))));
  return captures
    .filter(({ features }) => !features.some((feature) => TUNNEL.test(feature)))
    .flatMap(({ pcap, handshakes }) =>
      handshakes
        .filter(({ transport }) => transport === 'tcp')
        .map((h) => ({
          key: `${pcap.replace('pcaps/', '')} ${h.src_port} ${h.dest_port}`,
          server: statedHashes(h.certs),
          client: statedHashes(h.client_certs),
        })),
    );
}

/** Null where the corpus does not know the hashes. */
function statedHashes(certificates: z.infer<typeof chain>): readonly string[] | null {
  const hashes = certificates.flatMap(({ sha256 }) => sha256 ?? []);
  return hashes.length === certificates.length ? hashes : null;
}

function hashesOf(seen: Chain | null): readonly string[] {
  return seen?.certificates.map((certificate) => certificate.sha256) ?? [];
}

describe.skipIf(CORPUS_MISSING !== '')(`certificate chains of the corpus${CORPUS_MISSING}`, () => {
  it('are those that other tools state, leaf first', async () => {
    const seen = new Map<string, { server: readonly string[]; client: readonly string[] }[]>();
    for (const { capture, srcPort, destPort, server, client } of await corpusChains()) {
      const key = `${capture} ${srcPort} ${destPort}`;
      seen.set(key, [...(seen.get(key) ?? []), { server: hashesOf(server), client: hashesOf(client) }]);
    }
    let compared = 0;
    for (const { key, server, client } of expectedChains()) {
      // Several handshakes of one five-tuple come in order of time, in both.
      const ours = seen.get(key)?.shift();
      expect([key, ours?.server]).toEqual([key, server ?? ours?.server]);
      expect([key, ours?.client]).toEqual([key, client ?? ours?.client]);
      compared += Number((server?.length ?? 0) > 0) + Number((client?.length ?? 0) > 0);
    }
    expect(compared).toBeGreaterThanOrEqual(AT_LEAST);
  });
});
