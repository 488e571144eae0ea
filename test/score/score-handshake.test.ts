import { describe, expect, it } from 'vitest';
import { MAX_REMEMBERED_HOSTS } from '../../src/score/limits.ts';
import { ScoringMode } from '../../src/score/score.ts';
import { Scorer } from '../../src/score/score-handshake.ts';
import { fakeCertificate } from './fake-certificate.ts';

const SELF_SIGNED = { subject: 'CN=localhost', issuer: 'CN=localhost', signedByOwnKey: true } as const;

describe('a refined scorer', () => {
  it('scores any port and any action', () => {
    const scorer = new Scorer(ScoringMode.Refined);
    const leaf = fakeCertificate(SELF_SIGNED);
    expect(scorer.score(leaf, 'www.bank.net', 993, 'blocked')).toMatchObject({ risk: 7, level: 'High' });
  });

  it('finds nothing without a certificate', () => {
    const score = new Scorer(ScoringMode.Refined).score(null, 'www.bank.net', 443, null);
    expect(score).toEqual({ selfSigned: 0, weakCn: 0, mismatch: 0, risk: 0, level: 'None', reasons: [] });
  });

  it('hands out the same object for the same certificate and name, and verifies once', () => {
    let verified = 0;
    const leaf = fakeCertificate({ ...SELF_SIGNED, onVerify: () => (verified += 1) });
    const scorer = new Scorer(ScoringMode.Refined);
    const first = scorer.score(leaf, 'www.bank.net', 443, 'allowed');
    expect(scorer.score(leaf, 'www.bank.net', 8443, null)).toBe(first);
    expect(scorer.score(leaf, 'www.shop.net', 443, 'allowed')).not.toBe(first);
    expect(scorer.score(leaf, '', 443, 'allowed')).toMatchObject({ mismatch: 0, risk: 5 });
    expect(verified).toBe(1);
  });

  it('forgets the oldest name at its cap, and scores it again the same', () => {
    const scorer = new Scorer(ScoringMode.Refined);
    const leaf = fakeCertificate(SELF_SIGNED);
    const first = scorer.score(leaf, 'host0.net', 443, null);
    for (let i = 1; i < MAX_REMEMBERED_HOSTS; i++) scorer.score(leaf, `host${i}.net`, 443, null);
    expect(scorer.score(leaf, 'host0.net', 443, null)).toBe(first);
    scorer.score(leaf, 'one-more.net', 443, null);
    const again = scorer.score(leaf, 'host0.net', 443, null);
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });

  it('keeps certificates apart, even with equal facts', () => {
    const scorer = new Scorer(ScoringMode.Refined);
    expect(scorer.score(fakeCertificate(SELF_SIGNED), 'localhost', 443, null).risk).toBe(5);
    expect(scorer.score(fakeCertificate({}), 'localhost', 443, null).risk).toBe(2);
  });
});

describe('a faithful scorer', () => {
  it('takes the distinguished names and the SNI as the event has them', () => {
    const scorer = new Scorer(ScoringMode.Faithful);
    const leaf = fakeCertificate({
      subject: 'C=DE,CN=www.shop.net',
      issuer: 'C=DE,CN=www.shop.net',
      dns: ['www.shop.net'],
    });
    expect(scorer.score(leaf, 'www.shop.net', 443, 'allowed')).toMatchObject({
      selfSigned: 3,
      mismatch: 2,
      level: 'High',
    });
  });

  it('does not confuse a connection that the search looks at with one that it drops', () => {
    const scorer = new Scorer(ScoringMode.Faithful);
    const leaf = fakeCertificate(SELF_SIGNED);
    expect(scorer.score(leaf, '', 993, 'allowed').level).toBe('None');
    expect(scorer.score(leaf, '', 443, 'allowed').level).toBe('High');
    expect(scorer.score(leaf, '', 443, 'blocked').level).toBe('None');
    expect(scorer.score(leaf, '', 4443, null)).toBe(scorer.score(leaf, '', 443, 'allowed'));
  });

  it('has no field for an empty name', () => {
    const scorer = new Scorer(ScoringMode.Faithful);
    expect(scorer.score(fakeCertificate({ subject: '', issuer: '' }), 'www.shop.net', 443, null).risk).toBe(0);
  });

  it('verifies no signature', () => {
    const scorer = new Scorer(ScoringMode.Faithful);
    const leaf = fakeCertificate({
      onVerify: () => {
        throw new Error('asked for a proof');
      },
    });
    expect(scorer.score(leaf, 'shop.spanglass.net', 443, null).risk).toBe(0);
  });
});
