import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_QUOTED_LEN } from '../../src/score/limits.ts';
import { buildRefinedScore, findInCertificate } from '../../src/score/refined.ts';
import type { DetectionScore } from '../../src/score/score.ts';
import { type FakeFacts, fakeCertificate } from './fake-certificate.ts';

function score(facts: FakeFacts, serverName = ''): DetectionScore {
  return buildRefinedScore(findInCertificate(fakeCertificate(facts)), serverName);
}

function ids(found: DetectionScore): string[] {
  return found.reasons.map((reason) => reason.id);
}

describe('self-signature', () => {
  it('counts when the own key verifies it', () => {
    const found = score({ subject: 'CN=vpn.corp.net', issuer: 'CN=vpn.corp.net', signedByOwnKey: true });
    expect(found).toMatchObject({ selfSigned: 3, weakCn: 0, mismatch: 0, risk: 3, level: 'Medium' });
    expect(found.reasons).toEqual([
      {
        id: 'self_signed',
        weight: 3,
        technique: 'T1587.003',
        sentence: "the certificate's own key verifies its signature",
      },
    ]);
  });

  it('counts under the name of another issuer', () => {
    const found = score({ issuer: 'CN=DigiCert Global CA', signedByOwnKey: true });
    expect(found.selfSigned).toBe(3);
    expect(found.reasons[0]?.sentence).toContain('CN=DigiCert Global CA');
  });

  it('is not proved by equal names: a remark of no weight', () => {
    const found = score({ subject: 'CN=Root', issuer: 'CN=Root', signedByOwnKey: false });
    expect(found).toMatchObject({ selfSigned: 0, risk: 0, level: 'None' });
    expect(found.reasons).toMatchObject([{ id: 'self_issued', weight: 0, technique: 'T1587.003' }]);
  });

  it("that can't be checked says so where the names are equal", () => {
    const found = score({ subject: 'CN=A', issuer: 'CN=A', signedByOwnKey: null, signatureAlgorithm: 'ML-DSA-44' });
    expect(found.risk).toBe(0);
    expect(found.reasons[0]?.sentence).toContain('ML-DSA-44 could not be checked');
  });

  it("that can't be checked says nothing where they are not", () => {
    expect(score({ signedByOwnKey: null }).reasons).toEqual([]);
  });
});

describe('a placeholder', () => {
  it.each([
    ['CN=localhost', 'the published words'],
    ['CN=LOCALHOST', 'in any case'],
    ['CN=localhost.localdomain', 'as one label of many'],
    ['CN=test', 'test'],
    ['CN=test.corp.net', 'test as a label'],
    ['CN=api.test.corp.net', 'test as a label in the middle'],
    ['CN=*.test.corp.net', 'test under a wildcard'],
    ['CN=printer.test', 'the reserved domain test'],
    ['CN=temp.corp.net', 'temp'],
    ['CN=default', 'default'],
    ['CN=staging.shop.net', 'staging'],
    ['CN=changeme', 'changeme'],
    ['CN=example.com', 'example.com'],
    ['CN=www.Example.ORG.', 'under example.org'],
    ['CN=*.example.net', 'a wildcard under example.net'],
    ['CN=example.edu', 'example.edu'],
    ['CN=host.example', 'the reserved domain example'],
    ['CN=host.invalid', 'the reserved domain invalid'],
    ['CN=server', 'server alone'],
    ['CN=ubuntu', 'ubuntu alone'],
    ['CN=unk', 'unk alone'],
    ['CN=*', 'a star alone'],
    ['C=AU,ST=Some-State,O=Internet Widgits Pty Ltd', "OpenSSL's organisation"],
    ['C=AU,ST=some-state', "OpenSSL's state"],
    ['C=XX,L=Default City,O=Default Company Ltd', "Red Hat's organisation"],
    ['O=Acme Co', "Go's organisation"],
    ['O=My Company,CN=portal.corp.net', 'an organisation beside a real name'],
  ])('is seen in %s: %s', (subject) => {
    const found = score({ subject });
    expect(found).toMatchObject({ selfSigned: 0, weakCn: 2, mismatch: 0, risk: 2, level: 'Low' });
    expect(found.reasons).toMatchObject([{ id: 'placeholder_name', weight: 2, technique: 'T1608.003' }]);
  });

  it.each([
    ['CN=contest.org', 'a word is a whole label'],
    ['CN=latest-test.shop.net', 'between hyphens is not a label'],
    ['CN=test-server.shop.net', 'between hyphens is not a label'],
    ['CN=staging-api.shop.net', 'a prefix is not a label'],
    ['CN=attempt.shop.net', 'a word is a whole label'],
    ['CN=server.shop.net', 'server is common as one label of many'],
    ['CN=ubuntu.com', 'ubuntu is common as one label of many'],
    ['CN=*.shop.net', 'a wildcard is common as one label of many'],
    ['CN=example.shop.net', 'example is reserved at the top'],
    ['CN=myexample.com', 'the end of a label is no label'],
    ['CN=invalid.shop.net', 'invalid is reserved at the top'],
    ['CN=Test CA', 'a word of a sentence is no label'],
    ['O=Test', 'an organisation may be called so'],
    ['O=Acme Co Ltd', 'a default is the whole value'],
    ['', 'an empty subject names nothing'],
  ])('is not seen in %s: %s', (subject) => {
    expect(score({ subject }).weakCn).toBe(0);
  });

  it('is not looked for among the other names of a certificate that has a CN', () => {
    expect(score({ subject: 'CN=cdn.shop.net', dns: ['cdn.shop.net', 'test.customer.net', 'localhost'] }).weakCn).toBe(
      0,
    );
  });

  it('is looked for in the first dNSName of a certificate that has no CN', () => {
    expect(score({ subject: '', dns: ['localhost', 'shop.net'] }).weakCn).toBe(2);
    expect(score({ subject: '', dns: ['shop.net', 'localhost'] }).weakCn).toBe(0);
  });

  it('is named for a person', () => {
    expect(score({ subject: 'CN=localhost' }).reasons[0]?.sentence).toBe('CN=localhost is a placeholder name');
  });
});

describe('a mismatch', () => {
  it('is a name asked for that the certificate does not cover', () => {
    const found = score({ dns: ['shop.net', '*.shop.net'] }, 'www.bank.net');
    expect(found).toMatchObject({ selfSigned: 0, weakCn: 0, mismatch: 2, risk: 2, level: 'Low' });
    expect(found.reasons).toEqual([
      {
        id: 'name_mismatch',
        weight: 2,
        technique: 'T1557',
        sentence: 'no name of the certificate covers www.bank.net',
      },
    ]);
  });

  it('is not a name of the SAN, whatever the subject says', () => {
    const subject = 'C=DE,O=Shop AG,CN=edge7.cdn.net';
    expect(score({ subject, dns: ['www.shop.net'] }, 'www.shop.net').risk).toBe(0);
  });

  it('is not seen without SNI', () => {
    expect(score({ dns: ['shop.net'] }, '').mismatch).toBe(0);
  });

  it('is an address in SNI that the SAN does not hold', () => {
    expect(score({ ip: ['192.0.2.1'] }, '192.0.2.1').mismatch).toBe(0);
    expect(score({ ip: ['192.0.2.1'] }, '192.0.2.2').mismatch).toBe(2);
    expect(score({ dns: ['192.0.2.2'] }, '192.0.2.2').mismatch).toBe(2);
  });
});

describe('the whole', () => {
  it('adds up, reasons in order of weight', () => {
    const found = score({ subject: 'CN=localhost', issuer: 'CN=localhost', signedByOwnKey: true }, 'www.bank.net');
    expect(found).toMatchObject({ selfSigned: 3, weakCn: 2, mismatch: 2, risk: 7, level: 'High' });
    expect(ids(found)).toEqual(['self_signed', 'placeholder_name', 'name_mismatch']);
  });

  it('keeps the remark last', () => {
    const found = score({ subject: 'CN=localhost', issuer: 'CN=localhost', signedByOwnKey: null }, 'www.bank.net');
    expect(found).toMatchObject({ selfSigned: 0, risk: 4, level: 'Medium' });
    expect(ids(found)).toEqual(['placeholder_name', 'name_mismatch', 'self_issued']);
  });

  it('quotes no more of a hostile name than a sentence can bear', () => {
    const long = `${'😀'.repeat(200)}.test`;
    const found = score({ subject: `CN=${long}`, issuer: `CN=${long}`, signedByOwnKey: true }, 'a'.repeat(5000));
    expect(found.risk).toBe(7);
    for (const { sentence } of found.reasons) {
      expect(sentence.length).toBeLessThan(MAX_QUOTED_LEN + 100);
      // A lone surrogate is the one thing that encodeURI refuses.
      expect(() => encodeURI(sentence)).not.toThrow();
    }
  });

  it('holds together for any certificate and name', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '.', '*', 'test', 'localhost', 'example.com', ' ', '\\'),
      maxLength: 12,
    });
    const facts = fc.record({
      subject: text.map((cn) => `O=Acme,CN=${cn}`),
      issuer: text.map((cn) => `O=Acme,CN=${cn}`),
      dns: fc.array(text, { maxLength: 3 }),
      signedByOwnKey: fc.constantFrom(true, false, null),
    });
    fc.assert(
      fc.property(facts, text, (facts, serverName) => {
        const found = score(facts, serverName);
        expect(found.risk).toBe(found.selfSigned + found.weakCn + found.mismatch);
        expect(found.risk).toBe(found.reasons.reduce((sum, reason) => sum + reason.weight, 0));
        expect(found.level === 'None').toBe(found.risk <= 1);
        const weights = found.reasons.map((reason) => reason.weight);
        expect(weights).toEqual(weights.toSorted((a, b) => b - a));
      }),
    );
  });
});
