/** The published search over what the program writes: every profile and both modes give it the same rows. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PROFILES } from '../../src/event/profile.ts';
import { PCAPS } from '../cli/fake-io.ts';
import { PUBLISHED_SEARCH, rowOfEnvelope, runSearch } from '../support/spl/run-search.ts';
import { CORPUS } from '../support/tiny-capture.ts';
import { type Envelope, replay } from './replayed-events.ts';

const MODES = ['faithful', 'refined'];
const PROFILE_NAMES = Object.keys(PROFILES);

/** The profile that the search does not ask for is given to it under a name that it does. */
function rowsOf(envelopes: readonly Envelope[]) {
  const search = PUBLISHED_SEARCH.replace('"stream:ssl"', '"stream:ssl" OR sourcetype="stream:tcp"');
  return runSearch(
    search,
    envelopes.map((envelope) => rowOfEnvelope(envelope, 'network')),
  );
}

/** What the search would report if it took our five fields for its own: in its order, with its columns. */
function ownRows(envelopes: readonly Envelope[]) {
  const findings = envelopes.filter(({ event }) => event.CertRiskLevel !== 'None');
  const rows = findings.map(({ event, time }) => ({
    _time: String(time),
    src_ip: event.src_ip,
    dest_ip: event.dest_ip,
    ...(event.dest_host === undefined ? {} : { dest_host: event.dest_host }),
    dest_port: String(event.dest_port),
    ssl_subject: event.ssl_subject,
    ssl_issuer: event.ssl_issuer,
    SelfSignedScore: event.SelfSignedScore,
    WeakCNScore: event.WeakCNScore,
    MismatchScore: event.MismatchScore,
    CertRiskScore: event.CertRiskScore,
    CertRiskLevel: event.CertRiskLevel,
  }));
  return rows.toSorted(
    (a, b) => Number(b.CertRiskScore) - Number(a.CertRiskScore) || Number(b._time) - Number(a._time),
  );
}

describe('the published search over our own captures', () => {
  it('finds what they were made for', async () => {
    const { envelopes } = await replay(PCAPS, '--scoring', 'faithful');
    const found = rowsOf(envelopes).map((row) => [row['CertRiskLevel'], row['dest_host'] ?? '-'].join(' '));
    // Self-signed: one without a CN that can match the host, one for localhost.
    expect(found.slice(0, 2)).toEqual(['High update.example.net', 'High localhost']);
    // A subject of more than a CN never matches its host, so with example.com in it the score is 4, and elsewhere 2.
    expect(found.filter((row) => row.startsWith('Medium'))).toHaveLength(18);
    expect(found.filter((row) => row.startsWith('Low'))).toEqual([
      'Low cdn.example.net',
      'Low git.example.net',
      'Low -',
      'Low api.example.org',
      'Low www.example.com',
      'Low xn--bcher-kva.example',
    ]);
  });

  for (const mode of MODES) {
    it.each(PROFILE_NAMES)(`gives the same rows under %s in ${mode} mode`, async (profile) => {
      const reference = rowsOf((await replay(PCAPS, '--scoring', 'faithful')).envelopes);
      const { envelopes } = await replay(PCAPS, '--scoring', mode, '--profile', profile);
      expect(envelopes.length).toBeGreaterThanOrEqual(39);
      expect(new Set(envelopes.map(({ sourcetype }) => sourcetype))).toEqual(new Set([profile]));
      expect(rowsOf(envelopes)).toEqual(reference);
    });
  }

  it('computes what faithful mode says', async () => {
    const { envelopes } = await replay(PCAPS, '--scoring', 'faithful');
    expect(rowsOf(envelopes)).toEqual(ownRows(envelopes));
  });
});

const obstacle = existsSync(CORPUS) ? '' : ' (skipped: no corpus at ../shared/corpus)';

describe.skipIf(obstacle !== '')(`the published search over the corpus${obstacle}`, () => {
  it('computes what faithful mode says, of every handshake', async () => {
    const { envelopes } = await replay(CORPUS, '--scoring', 'faithful');
    expect(envelopes.length).toBeGreaterThan(800);
    const rows = rowsOf(envelopes);
    expect(rows.length).toBeGreaterThan(100);
    expect(rows).toEqual(ownRows(envelopes));
  });
});
