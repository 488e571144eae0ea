import { describe, expect, it } from 'vitest';

import { EventBuilder } from '../../src/event/build-event.ts';
import type { EventFacts } from '../../src/event/event-facts.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { PROFILES, type ProfileName } from '../../src/event/profile.ts';
import { PUBLISHED_SEARCH, rowOfEnvelope, runSearch } from '../support/spl/run-search.ts';
import {
  IDENTITY,
  START_US,
  sampleCertificate,
  sampleChain,
  sampleClientHello,
  sampleConnection,
  sampleFacts,
  sampleHandshake,
  sampleName,
} from './sample-facts.ts';

/** One handshake for each way through the search, and some that it must not report. */
const FACTS: readonly EventFacts[] = [
  withNames('CN=localhost', 'CN=localhost', 'localhost', 443),
  withNames('CN=staging-1.example.org', 'CN=R3', 'staging-1.example.org', 8443),
  withNames('CN=other.example.org', 'CN=R3', 'www.example.net', 4443),
  withNames('CN=*.example.org', 'CN=R3', 'www.example.org', 443),
  withNames('CN=localhost', 'CN=localhost', 'localhost', 8444),
  withNames('', 'CN=R3', 'www.example.org', 443),
  sampleFacts({ handshake: sampleHandshake({ serverCertificates: null }) }),
];

function withNames(subject: string, issuer: string, serverName: string, destPort: number): EventFacts {
  const chain = sampleChain(sampleCertificate({ subject: toName(subject), issuer: toName(issuer) }));
  return sampleFacts({
    connection: sampleConnection({ destPort }),
    handshake: sampleHandshake({
      clientHello: sampleClientHello({ serverName }),
      serverCertificates: chain,
      clientHelloUs: START_US + destPort * 1000,
    }),
  });
}

function toName(text: string) {
  return text === '' ? sampleName() : sampleName(['CN', text.slice(3)]);
}

function envelopesOf(name: ProfileName, options = {}) {
  const builder = new EventBuilder(IDENTITY, PROFILES[name], options);
  const w = new JsonWriter();
  for (const facts of FACTS) builder.writeJson(facts, w);
  return Buffer.from(w.view())
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function rowsOf(name: ProfileName) {
  // The published search does not look at stream:tcp: for that profile, and only there, its first line is widened.
  const search =
    name === 'stream:tcp'
      ? PUBLISHED_SEARCH.replace('sourcetype="stream:ssl"', 'sourcetype="stream:tcp"')
      : PUBLISHED_SEARCH;
  return runSearch(
    search,
    envelopesOf(name).map((envelope) => rowOfEnvelope(envelope, 'network')),
  );
}

const NAMES: readonly ProfileName[] = ['stream:ssl', 'stream:tcp', 'pan:traffic', 'cisco:asa', 'fortigate_traffic'];

describe('naming profiles', () => {
  it('are all tested here', () => {
    expect(Object.keys(PROFILES)).toEqual(NAMES);
  });

  it('give the published search what it looks for', () => {
    const rows = rowsOf('stream:ssl');
    expect(rows.map(({ ssl_subject, dest_port, CertRiskScore }) => [ssl_subject, dest_port, CertRiskScore])).toEqual([
      ['CN=localhost', '443', 5],
      ['CN=staging-1.example.org', '8443', 2],
      ['CN=other.example.org', '4443', 2],
    ]);
  });

  it.each(NAMES)('%s gives the same rows', (name) => {
    expect(rowsOf(name)).toEqual(rowsOf('stream:ssl'));
  });

  it('would find nothing under stream:tcp with the search as published', () => {
    const rows = envelopesOf('stream:tcp').map((envelope) => rowOfEnvelope(envelope, 'network'));
    expect(runSearch(PUBLISHED_SEARCH, rows)).toEqual([]);
  });

  it.each(NAMES)('%s names the subject and the issuer, each once', (name) => {
    const { subjectName, issuerName, sourcetype } = PROFILES[name];
    const [envelope] = envelopesOf(name);
    expect(envelope.sourcetype).toBe(sourcetype);
    expect(envelope.event[subjectName]).toBe('CN=localhost');
    expect(envelope.event[issuerName]).toBe('CN=localhost');
    const aliases = Object.values(PROFILES).flatMap((profile) => [profile.subjectName, profile.issuerName]);
    const used = [...new Set(aliases)].filter((alias) => alias in envelope.event);
    expect(used.toSorted()).toEqual([subjectName, issuerName].toSorted());
  });

  it('take another source and an index, escaped like any text', () => {
    const [envelope] = envelopesOf('stream:ssl', { source: 'stream:"x"', index: 'network' });
    expect(envelope).toMatchObject({ source: 'stream:"x"', index: 'network', host: 'span-1' });
    expect(Object.keys(envelope)).toEqual(['time', 'host', 'source', 'sourcetype', 'index', 'event']);
  });
});
