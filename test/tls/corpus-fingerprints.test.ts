import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { parseClientHello } from '../../src/tls/client-hello.ts';
import { HelloShapeCache } from '../../src/tls/hello-shape-cache.ts';
import { cipherSuiteName, versionName } from '../../src/tls/registry/names.ts';
import { parseServerHello } from '../../src/tls/server-hello.ts';
import { type FoundHello, findHellos } from '../support/corpus-hellos.ts';
import { CORPUS, CORPUS_MISSING, corpusFiles } from '../support/tiny-capture.ts';

/**
 * Hellos of the corpus against what other tools say of them. Streams that the plain reassembly of this test can't read
 * are left out; the golden tests cover them.
 */

interface ExpectedHandshake {
  readonly src_ip: string;
  readonly src_port: number;
  readonly dest_ip: string;
  readonly dest_port: number;
  readonly proto: string;
  readonly disputed?: readonly string[];
  readonly sni?: string;
  readonly ja3?: string;
  readonly ja3_string?: string;
  readonly ja3s?: string;
  readonly ja3s_string?: string;
  readonly ja4?: string;
  readonly cipher?: string;
  readonly version?: string;
  readonly client_extensions?: readonly number[];
}

type Facts = Readonly<Record<string, string | undefined>>;

/** tshark 4.0 reads the ServerHello of draft 14 in the final form, and so finds a suite inside the key. */
const MISREAD_BY_OTHERS = new Set(['suricata-verify/tls_tls13-draft14__tls13_draft14.pcap']);

const shapes = new HelloShapeCache();

function expectedOf(path: string): readonly ExpectedHandshake[] {
  const file = new URL(`../expected/${path.replace(/\.pcap(ng)?$/, '.json')}`, `file://${CORPUS}`);
  const { handshakes }: { handshakes: ExpectedHandshake[] } = JSON.parse(readFileSync(file, 'utf8'));
  const streams = handshakes.map(clientStream);
  // A stream with two handshakes is left out: which hello is whose is the session's business.
  return handshakes.filter(
    (h, i) => h.proto === 'tls' && streams.indexOf(streams[i]!) === streams.lastIndexOf(streams[i]!),
  );
}

function clientStream(h: ExpectedHandshake): string {
  return `${h.src_ip}:${h.src_port}>${h.dest_ip}:${h.dest_port}`;
}

function serverStream(h: ExpectedHandshake): string {
  return `${h.dest_ip}:${h.dest_port}>${h.src_ip}:${h.src_port}`;
}

function clientFacts({ body }: FoundHello): Facts {
  const { shape, serverName } = parseClientHello(new Cursor(body), 't', shapes);
  const sni = serverName === '' ? undefined : serverName.replace(/\.$/, '');
  const extensions = shape.extensions?.join(' ');
  return { sni, ja3: shape.ja3, ja3_string: shape.ja3Text, ja4: shape.ja4, extensions };
}

function serverFacts({ body }: FoundHello): Facts {
  const hello = parseServerHello(new Cursor(body));
  if (hello.isHelloRetryRequest) return {};
  return {
    ja3s: hello.ja3s,
    ja3s_string: hello.ja3sText,
    cipher: cipherSuiteName(hello.cipherSuite),
    version: versionName(hello.version),
  };
}

/** Every fact that both sides state, as `path stream fact: value`, from the other tools and from us. */
function compareCapture(path: string): { readonly theirs: readonly string[]; readonly ours: readonly string[] } {
  const hellos = new Map(findHellos(path).map((hello) => [hello.stream, hello]));
  const theirs: string[] = [];
  const ours: string[] = [];
  for (const handshake of expectedOf(path)) {
    const client = hellos.get(clientStream(handshake));
    const server = hellos.get(serverStream(handshake));
    const facts: Facts = {
      ...(client?.type === 1 ? clientFacts(client) : {}),
      ...(server?.type === 2 ? serverFacts(server) : {}),
    };
    const expected: Facts = { ...pickText(handshake), extensions: handshake.client_extensions?.join(' ') };
    for (const [fact, value] of Object.entries(facts)) {
      const want = expected[fact];
      if (want === undefined || value === undefined || isDisputed(handshake, fact)) continue;
      theirs.push(`${path} ${clientStream(handshake)} ${fact}: ${want.toLowerCase()}`);
      ours.push(`${path} ${clientStream(handshake)} ${fact}: ${value.toLowerCase()}`);
    }
  }
  return { theirs, ours };
}

/** A fingerprint's text is as disputed as its hash. */
function isDisputed(handshake: ExpectedHandshake, fact: string): boolean {
  return handshake.disputed?.includes(fact.replace('_string', '')) ?? false;
}

function pickText(handshake: ExpectedHandshake): Facts {
  return Object.fromEntries(Object.entries(handshake).filter(([, value]) => typeof value === 'string'));
}

describe('hellos of the corpus', () => {
  it.skipIf(CORPUS_MISSING !== '')(`have the fingerprints that other tools give them${CORPUS_MISSING}`, () => {
    const theirs: string[] = [];
    const ours: string[] = [];
    for (const path of corpusFiles().filter((file) => !MISREAD_BY_OTHERS.has(file))) {
      const compared = compareCapture(path);
      theirs.push(...compared.theirs);
      ours.push(...compared.ours);
    }
    expect(ours).toEqual(theirs);
    // A comparison that found little would be no evidence.
    expect(ours.length).toBeGreaterThan(4000);
  });
});
