/** Captures of other projects that are known to be hard, each with what must come out of it. */

import { describe, expect, it } from 'vitest';
import { corpusPath, readCapture } from '../support/pipeline-bench.ts';

interface Hard {
  readonly name: string;
  /** Why it is hard. */
  readonly why: string;
  /** For each handshake: history and certificate visibility. */
  readonly seen: readonly string[];
}

const HARD: readonly Hard[] = [
  {
    name: 'derived/tcp-segments-in-reverse-order',
    why: 'each flight arrives from its end',
    seen: ['Csxkntif clear'],
  },
  { name: 'derived/tcp-midstream-no-syn', why: 'it begins with the first data', seen: ['Csxuknif clear'] },
  { name: 'derived/tcp-7-byte-segments', why: 'no header is whole in a segment', seen: ['Csxkntif clear'] },
  { name: 'derived/records-clienthello-in-3-records', why: 'one message in three records', seen: ['Csxnif clear'] },
  { name: 'zeek/tls-fragmented-handshake', why: 'a certificate of 339 KB in 21 records', seen: ['Csxkn clear'] },
  {
    name: 'ndpi/heuristic_tcp_ack_payload',
    why: 'padding that IP counts as data, and one connection with a segment missing',
    seen: ['CsGIFDkntif lost', 'CsidID encrypted_tls13', 'CsxknGIFtif clear', 'CsxknGIFtif clear', 'CsxknGIFtif clear'],
  },
  {
    name: 'suricata-verify/tcp-fastopen-10-syn-data-ignore',
    why: 'a SYN with data, and SYN-ACKs of two servers',
    seen: ['CsidID encrypted_tls13'],
  },
  { name: 'suricata-verify/bug-2430__backwards', why: 'both directions out of order', seen: ['CsxknGIFif clear'] },
  { name: 'zeek/ssl-v2', why: 'SSL 2 from end to end', seen: ['CsG clear'] },
  {
    name: 'zeek/wstunnel-https',
    why: 'TLS in WebSocket frames, those of the client masked',
    seen: ['sid encrypted_tls13'],
  },
  {
    name: 'mercury/corner-cases',
    why: 'single packets, most with the beginning of a certificate',
    seen: ['C none', 's lost', 's lost', 's lost', 's lost', 's none'],
  },
  { name: 'zeek/tls-early-alert', why: 'a warning before the ServerHello', seen: ['ClsxknGIFDtif clear'] },
  { name: 'zeek/client-certificate', why: 'the client shows a certificate too', seen: ['CsxkrnXGYIFtif clear'] },
  { name: 'zeek/tls1.2-late-protocol-error', why: 'it ends in nonsense', seen: ['CsxnGifD clear'] },
  { name: 'ndpi/haproxy', why: 'a PROXY header in the segment of the ClientHello', seen: ['C none'] },
  {
    name: 'ndpi/tls_cipher_lens',
    why: 'lengths that lie',
    seen: ['C none', 'C none', 'C none', 'C none', 'C none'],
  },
  { name: 'ndpi/tls_1.2_unidirectional_client', why: 'the client alone', seen: ['CGID none'] },
  { name: 'ndpi/tls_1.2_unidirectional_server', why: 'the server alone', seen: ['sxkntifd clear'] },
  { name: 'ndpi/tls_1.2_unidirectional_server_no_cert', why: 'the server alone, resumed', seen: ['sifd resumed'] },
  { name: 'ndpi/tls_1.3_unidirectional_server', why: 'the server alone, with a PSK', seen: ['sid resumed'] },
  { name: 'ndpi/tls_missing_ch_frag', why: 'half of the ClientHello is missing', seen: ['sidID encrypted_tls13'] },
  { name: 'ndpi/tls_with_huge_ch', why: 'a ClientHello of many segments', seen: ['CsidID encrypted_tls13'] },
  {
    name: 'ndpi/http_connect',
    why: 'behind the answer of a proxy',
    seen: ['CsidID encrypted_tls13', 'CsidID encrypted_tls13'],
  },
  { name: 'ndpi/riot', why: 'one flight begins in the middle', seen: ['sxkn clear', 'x clear'] },
  // What must not be taken for TLS.
  { name: 'arkime/fbzero-android', why: 'another protocol', seen: [] },
  { name: 'ndpi/quic-fuzz-overflow', why: 'hostile QUIC', seen: [] },
  { name: 'ndpi/quic_cc_ack', why: 'QUIC without a handshake', seen: [] },
  { name: 'ndpi/quic_q46', why: 'a QUIC that is not TLS', seen: [] },
  { name: 'zeek/vector-max-size-crash', why: 'a DNS query that lies about its lengths', seen: [] },
];

describe('captures that are hard', () => {
  for (const { name, why, seen } of HARD) {
    const path = corpusPath(name);
    const reason = path === '' ? ` (skipped: no ${name} in ../shared/corpus)` : '';
    it.skipIf(path === '')(`reads ${name}: ${why}${reason}`, async () => {
      const { seen: handshakes } = await readCapture(path);
      expect(handshakes.map(({ handshake: h }) => `${h.history} ${h.certVisibility}`).toSorted()).toEqual(seen);
    });
  }

  const path = corpusPath('zeek/tls1.2');
  const reason = path === '' ? ' (skipped: no zeek/tls1.2 in ../shared/corpus)' : '';
  it.skipIf(path === '')(`says that a snap length cut the certificate${reason}`, async () => {
    const { seen } = await readCapture(path, 600);
    expect(seen.map(({ handshake: h }) => `${h.history} ${h.certVisibility}`)).toEqual(['CsGIFif truncated']);
  });
});
