import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFaithfulScore, type SearchedFields } from '../../src/score/faithful.ts';
import type { DetectionScore } from '../../src/score/score.ts';
import { PUBLISHED_SEARCH, runSearch } from '../support/spl/run-search.ts';

const GOOD: SearchedFields = {
  destPort: 443,
  action: 'allowed',
  subject: 'CN=www.shop.net',
  issuer: 'CN=Some CA',
  destHost: 'www.shop.net',
};

/** Self-signed, weak, mismatch, level. */
function row(fields: Partial<SearchedFields>): string {
  const score = buildFaithfulScore({ ...GOOD, ...fields });
  expect(score.risk).toBe(score.selfSigned + score.weakCn + score.mismatch);
  return `${score.selfSigned} ${score.weakCn} ${score.mismatch} ${score.level}`;
}

/** What the search itself says: its five fields of the row it reports, or null. */
function searched(fields: SearchedFields): Record<string, unknown> | null {
  const event = {
    index: 'network',
    sourcetype: 'stream:ssl',
    dest_port: fields.destPort,
    action: fields.action,
    ssl_subject: fields.subject,
    ssl_issuer: fields.issuer,
    dest_host: fields.destHost,
  };
  const [reported] = runSearch(PUBLISHED_SEARCH, [event]);
  if (reported === undefined) return null;
  const { SelfSignedScore, WeakCNScore, MismatchScore, CertRiskScore, CertRiskLevel } = reported;
  return { SelfSignedScore, WeakCNScore, MismatchScore, CertRiskScore, CertRiskLevel };
}

function asReported(score: DetectionScore): Record<string, unknown> | null {
  if (score.level === 'None') return null;
  return {
    SelfSignedScore: score.selfSigned,
    WeakCNScore: score.weakCn,
    MismatchScore: score.mismatch,
    CertRiskScore: score.risk,
    CertRiskLevel: score.level,
  };
}

/** Each case: what it shows, the fields that differ from a good event, the row worked out by hand. */
const CASES: readonly (readonly [name: string, fields: Partial<SearchedFields>, expected: string])[] = [
  ['a subject of a CN that ends the host', {}, '0 0 0 None'],
  ['a parent domain as CN', { subject: 'CN=shop.net' }, '0 0 0 None'],
  ['the end of a label as CN', { subject: 'CN=op.net' }, '0 0 0 None'],
  ['another name', { subject: 'CN=www.bank.net' }, '0 0 2 Low'],
  ['upper case in subject and host', { subject: 'CN=WWW.Shop.NET', destHost: 'www.SHOP.net' }, '0 0 0 None'],
  ['a subject of more than a CN, which matches no host', { subject: 'C=DE,O=Shop AG,CN=www.shop.net' }, '0 0 2 Low'],
  ['the same with the CN first', { subject: 'CN=www.shop.net,O=Shop AG' }, '0 0 2 Low'],
  ['a wildcard CN, whose star and dot are cut', { subject: 'CN=*.shop.net' }, '0 0 0 None'],
  ['a wildcard CN and its parent', { subject: 'CN=*.shop.net', destHost: 'shop.net' }, '0 0 0 None'],
  ['a wildcard CN and two labels', { subject: 'CN=*.shop.net', destHost: 'a.b.shop.net' }, '0 0 0 None'],
  ['a star alone, which is no wildcard to like', { subject: 'CN=*' }, '0 0 2 Low'],
  ['an underscore in the CN, which stands for any character', { subject: 'CN=w_w.shop_net' }, '0 0 0 None'],
  ['an underscore that needs a character', { subject: 'CN=_www.shop.net' }, '0 0 2 Low'],
  ['a percent sign in the CN, which stands for anything', { subject: 'CN=%' }, '0 0 0 None'],
  ['percent signs between labels', { subject: 'CN=w%.net', destHost: 'www.shop.net' }, '0 0 0 None'],
  ['cn= inside a value', { subject: 'CN=www.cn=shop.net' }, '0 0 0 None'],
  ['cn=*. is cut first, and what closes up is cut by the second', { subject: 'CN=wwwcCN=*.n=.shop.net' }, '0 0 0 None'],
  ['cn=*. made by the second cut stays', { subject: 'cCN=n=*.shop.net' }, '0 0 2 Low'],
  ['a CN of nothing', { subject: 'CN=' }, '0 0 0 None'],
  ['no dest_host', { destHost: null, subject: 'CN=www.bank.net' }, '0 0 0 None'],
  ['an empty dest_host', { destHost: '', subject: 'CN=www.bank.net' }, '0 0 0 None'],
  ['equal names', { issuer: 'CN=www.shop.net' }, '3 0 0 Medium'],
  ['equal names in another case', { issuer: 'CN=WWW.shop.net' }, '0 0 0 None'],
  ['equal numbers', { subject: '10', issuer: '10.0', destHost: null }, '3 0 0 Medium'],
  ['no issuer', { issuer: null }, '0 0 0 None'],
  ['no subject', { subject: null }, '0 0 0 None'],
  ['neither', { subject: null, issuer: null }, '0 0 0 None'],
  ['empty subject and issuer', { subject: '', issuer: '' }, '3 0 0 Medium'],
  ['localhost', { subject: 'CN=localhost', destHost: null }, '0 2 0 Low'],
  ['localhost inside a word', { subject: 'CN=mylocalhosts.net', destHost: null }, '0 2 0 Low'],
  ['example.com inside a word', { subject: 'CN=myexample.community', destHost: null }, '0 2 0 Low'],
  ['example with another character', { subject: 'CN=example-com', destHost: null }, '0 0 0 None'],
  ['test between dots', { subject: 'CN=a.test.net', destHost: null }, '0 2 0 Low'],
  ['test between hyphens', { subject: 'CN=a-test-b.net', destHost: null }, '0 2 0 Low'],
  ['test as a word of any attribute', { subject: 'O=Crash Test Labs,CN=www.shop.net', destHost: null }, '0 2 0 Low'],
  ['test after an underscore, which is a letter of a word', { subject: 'CN=a_test.net', destHost: null }, '0 0 0 None'],
  ['test inside a word', { subject: 'CN=contest.net', destHost: null }, '0 0 0 None'],
  [
    'test after a letter that is not ASCII, which is no letter',
    { subject: 'CN=étest.net', destHost: null },
    '0 2 0 Low',
  ],
  ['temp', { subject: 'CN=temp', destHost: null }, '0 2 0 Low'],
  ['template', { subject: 'CN=template.net', destHost: null }, '0 0 0 None'],
  ['default', { subject: 'CN=default', destHost: null }, '0 2 0 Low'],
  ['staging-', { subject: 'CN=staging-api.shop.net', destHost: null }, '0 2 0 Low'],
  ['prestaging-', { subject: 'CN=prestaging-api.shop.net', destHost: null }, '0 2 0 Low'],
  ['staging without a hyphen', { subject: 'CN=staging.shop.net', destHost: null }, '0 0 0 None'],
  ['.invalid', { subject: 'CN=host.invalid', destHost: null }, '0 2 0 Low'],
  ['.invalid before more', { subject: 'CN=a.invalidated.net', destHost: null }, '0 2 0 Low'],
  ['invalid without a dot', { subject: 'CN=invalid', destHost: null }, '0 0 0 None'],
  ['a weak issuer, which is not looked at', { issuer: 'CN=localhost' }, '0 0 0 None'],
  ['weak and mismatch', { subject: 'CN=localhost' }, '0 2 2 Medium'],
  ['self-signed and weak', { subject: 'CN=localhost', issuer: 'CN=localhost', destHost: null }, '3 2 0 High'],
  ['self-signed and mismatch', { subject: 'CN=a.net', issuer: 'CN=a.net' }, '3 0 2 High'],
  ['all three', { subject: 'CN=localhost', issuer: 'CN=localhost' }, '3 2 2 High'],
  ['port 8443', { destPort: 8443, subject: 'CN=localhost' }, '0 2 2 Medium'],
  ['port 4443', { destPort: 4443, subject: 'CN=localhost' }, '0 2 2 Medium'],
  ['port 4444', { destPort: 4444, subject: 'CN=localhost' }, '0 0 0 None'],
  ['port 993', { destPort: 993, subject: 'CN=localhost' }, '0 0 0 None'],
  ['a blocked connection', { action: 'blocked', subject: 'CN=localhost' }, '0 0 0 None'],
  ['a denied connection, in another case', { action: 'Denied', subject: 'CN=localhost' }, '0 0 0 None'],
  ['a dropped connection', { action: 'dropped', subject: 'CN=localhost' }, '0 0 0 None'],
  ['another action', { action: 'teardown', subject: 'CN=localhost' }, '0 2 2 Medium'],
  ['no action', { action: null, subject: 'CN=localhost' }, '0 2 2 Medium'],
];

describe('the published search, by hand', () => {
  it.each(CASES)('%s', (_name, fields, expected) => {
    expect(row(fields)).toBe(expected);
  });
});

describe('the published search, from its text', () => {
  it.each(CASES)('%s', (_name, fields) => {
    const all = { ...GOOD, ...fields };
    expect(asReported(buildFaithfulScore(all))).toEqual(searched(all));
  });

  it('says the same of any event', () => {
    const piece = fc.constantFrom(
      'CN=',
      'cn=',
      'cn=*.',
      'Cn=*',
      'c',
      'n=',
      '*.',
      'O=',
      ',',
      ', ',
      '\\,',
      '.',
      '-',
      '_',
      '%',
      ' ',
      'www',
      'shop',
      'net',
      'a',
      'localhost',
      'Example.com',
      'example',
      'com',
      'test',
      'TEMP',
      'staging-',
      'staging',
      '.invalid',
      'default',
      'é',
      '1',
      '+',
    );
    const name = fc.oneof(
      { weight: 6, arbitrary: fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join('')) },
      { weight: 1, arbitrary: fc.constantFrom(null, '', 'CN=www.shop.net', '1', '1.0', '1e0', '01') },
    );
    const label = fc.constantFrom(
      'www',
      'shop',
      'net',
      'a',
      'localhost',
      'test',
      'example',
      'com',
      'staging-a',
      '1',
      'x_y',
    );
    const host = fc.oneof(
      { weight: 5, arbitrary: fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')) },
      { weight: 1, arbitrary: fc.constantFrom(null, '', 'WWW.SHOP.net', '.', '%') },
    );
    const fields = fc.record({
      destPort: fc.constantFrom(443, 443, 443, 8443, 4443, 444, 4434, 0),
      action: fc.constantFrom(null, 'allowed', 'allowed', 'blocked', 'DROPPED', 'denied', 'deny', ''),
      subject: name,
      issuer: name,
      destHost: host,
    });
    const equalNames = fields.map((one) => ({ ...one, issuer: one.subject }));
    const coveredName = fields.map((one) => ({ ...one, subject: one.destHost === null ? null : `CN=${one.destHost}` }));
    let reportedCount = 0;
    fc.assert(
      fc.property(fc.oneof(fields, equalNames, coveredName), (one) => {
        const reported = searched(one);
        if (reported !== null) reportedCount += 1;
        expect(asReported(buildFaithfulScore(one))).toEqual(reported);
      }),
      { numRuns: 3000 },
    );
    expect(reportedCount).toBeGreaterThan(500);
  });
});

describe('reasons of the faithful score', () => {
  it('say what the search saw, and claim no proof', () => {
    const score = buildFaithfulScore({ ...GOOD, subject: 'CN=localhost', issuer: 'CN=localhost' });
    expect(score.reasons).toEqual([
      {
        id: 'self_issued',
        weight: 3,
        technique: 'T1587.003',
        sentence: 'subject and issuer are the same text: CN=localhost',
      },
      {
        id: 'placeholder_name',
        weight: 2,
        technique: 'T1608.003',
        sentence: 'the subject holds localhost: cn=localhost',
      },
      {
        id: 'name_mismatch',
        weight: 2,
        technique: 'T1557',
        sentence: "www.shop.net does not end in the subject's localhost",
      },
    ]);
  });
});

describe('hostile subjects', () => {
  it('are scored in bounded time', () => {
    const startedAt = performance.now();
    const host = 'a'.repeat(253);
    for (const cn of [
      '%a'.repeat(30_000),
      '%'.repeat(60_000),
      'a_'.repeat(30_000),
      `${'%aa_'.repeat(60)}b`,
      'cn='.repeat(20_000),
    ]) {
      buildFaithfulScore({ ...GOOD, subject: `CN=${cn}`, destHost: host });
    }
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
