/** What a mirror port does to a handshake, one by one, and what the event must say of it. `lossy.pcap` names its servers after that. */
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PCAPS } from '../cli/fake-io.ts';
import type { ParsedEvent } from '../event/built-events.ts';
import { replay } from './replayed-events.ts';

let events: readonly ParsedEvent[] = [];

beforeAll(async () => {
  const { envelopes } = await replay(path.join(PCAPS, 'lossy.pcap'));
  events = envelopes.map(({ event }) => event);
});

function eventOf(server: string): ParsedEvent {
  const host = `${server}.example.com`;
  const found = events.filter((event) => [event.ssl_server_name, event.ssl_subject_common_name].includes(host));
  expect(found).toHaveLength(1);
  return found[0]!;
}

/** All of the handshake is there: both hellos, two certificates with 61 names, the end. */
const WHOLE = {
  ssl_history: 'CsxknGIFtif',
  cert_visibility: 'clear',
  ssl_established: 1,
  action: 'allowed',
  missing_packets_in: 0,
  missing_packets_out: 0,
};
const NO_DUPLICATES = { duplicate_packets_in: 0, duplicate_packets_out: 0 };

function expectWholeChain(event: ParsedEvent, server: string): void {
  const names = [`${server}.example.com`, ...Array.from({ length: 60 }, (_, i) => `shard-${i}.${server}.example.com`)];
  expect(event.ssl_subject_alt_name).toEqual(names);
  expect(event.ssl_chain).toHaveLength(2);
}

describe('a handshake whose packets were', () => {
  it('reordered is whole', () => {
    expect(eventOf('reordered')).toMatchObject({ ...WHOLE, ...NO_DUPLICATES });
    expectWholeChain(eventOf('reordered'), 'reordered');
  });

  it('reversed is whole', () => {
    expect(eventOf('reversed')).toMatchObject({ ...WHOLE, ...NO_DUPLICATES });
    expectWholeChain(eventOf('reversed'), 'reversed');
  });

  it('mirrored twice is one event, which counts the duplicates that carry data', () => {
    const event = eventOf('mirrored-twice');
    expect(event).toMatchObject({ ...WHOLE, duplicate_packets_in: 2, duplicate_packets_out: 4 });
    expectWholeChain(event, 'mirrored-twice');
  });

  it('retransmitted has one duplicate', () => {
    const event = eventOf('retransmitted');
    expect(event).toMatchObject({ ...WHOLE, duplicate_packets_in: 0, duplicate_packets_out: 1 });
    expectWholeChain(event, 'retransmitted');
  });

  it('overlapping with the same bytes is whole, and no conflict', () => {
    const event = eventOf('overlapping');
    expect(event).toMatchObject({ ...WHOLE, ...NO_DUPLICATES });
    expect(event).not.toHaveProperty('overlap_conflicts');
    expectWholeChain(event, 'overlapping');
  });

  it('lost in the middle of the Certificate says so, with the size of the hole, and goes on behind it', () => {
    const event = eventOf('segment-lost');
    expect(event).toMatchObject({
      cert_visibility: 'lost',
      ssl_server_name: 'segment-lost.example.com',
      ssl_version: 'TLSv1.2',
      ssl_established: 1,
      missing_packets_in: 0,
      missing_packets_out: 1,
      ssl_lost_bytes_out: 1460,
      CertRiskLevel: 'None',
    });
    // No Certificate (x). What the server sent behind the hole is read when the hole is given up: after all that the client sent,
    // its alert (L) where that came before.
    expect(event.ssl_history).toMatch(/^CsGIFDL?kntif$/);
    for (const field of ['ssl_subject', 'ssl_chain', 'ssl_lost_bytes_in']) expect(event).not.toHaveProperty(field);
  });

  it('begun without an opening has its direction from the hellos, and no round-trip time', () => {
    const event = eventOf('mid-stream');
    expect(event).toMatchObject({ ...WHOLE, ...NO_DUPLICATES, dest_port: 443 });
    for (const field of ['client_rtt', 'server_rtt', 'initial_rtt']) expect(event).not.toHaveProperty(field);
    expectWholeChain(event, 'mid-stream');
  });

  it('of the server only has its certificates and its direction, but no SNI and no end', () => {
    const event = eventOf('server-side-only');
    expect(event).toMatchObject({
      cert_visibility: 'clear',
      ssl_version: 'TLSv1.2',
      ssl_established: 0,
      dest_port: 443,
      packets_in: 0,
      bytes_in: 0,
      MismatchScore: 0,
    });
    expect(event.ssl_history).toMatch(/^sxkntif/);
    expect(event.src_ip).toMatch(/^192\.0\.2\./);
    for (const field of ['ssl_server_name', 'dest_host', 'ja3', 'ssl_client_hello_version']) {
      expect(event).not.toHaveProperty(field);
    }
    expectWholeChain(event, 'server-side-only');
  });

  it('are eight in all', () => {
    expect(events).toHaveLength(8);
  });
});
