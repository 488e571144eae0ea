import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coversHost, foldPresented, toPresentedNames } from '../../src/score/host-name.ts';
import { MAX_COMMON_NAMES } from '../../src/score/limits.ts';
import { fakeCertificate } from './fake-certificate.ts';

function covers(dnsId: string, reference: string): boolean {
  return coversHost(foldPresented([dnsId], []), reference);
}

describe('RFC 9525 6.3, a DNS-ID', () => {
  it.each([
    ['www.example.com', 'www.example.com', 'itself'],
    ['WWW.Example.COM', 'www.example.com', 'itself in another case'],
    ['www.example.com', 'www.EXAMPLE.com', 'itself asked for in another case'],
    ['www.example.com', 'www.example.com.', 'itself as an absolute name'],
    ['www.example.com.', 'www.example.com', 'itself written as an absolute name'],
    ['intranet', 'intranet', 'a name of one label'],
    ['_sip.example.com', '_sip.example.com', 'a label with an underscore'],
    ['xn--mller-kva.example.com', 'xn--MLLER-KVA.example.com', 'an A-label in another case'],
    ['xn--mller-kva.example.com', 'müller.example.com', 'an A-label asked for as U-label'],
    ['xn--mller-kva.example.com', 'MÜLLER.example.com.', 'an A-label asked for as U-label in upper case'],
    ['*.example.com', 'foo.example.com', 'one label'],
    ['*.EXAMPLE.com.', 'Foo.example.COM.', 'one label, whatever the case and the trailing dots'],
    ['*.example.com', 'xn--mller-kva.example.com', 'one label that is an A-label'],
    ['*.xn--mller-kva.de', 'www.müller.de', 'one label under an A-label'],
    ['*.b.c.example.com', 'a.b.c.example.com', 'one label far down'],
  ])('%s covers %s: %s', (dnsId, reference) => {
    expect(covers(dnsId, reference)).toBe(true);
  });

  it.each([
    ['www.example.com', 'example.com', 'a parent is another name'],
    ['example.com', 'www.example.com', 'a child is another name'],
    ['example.com', 'notexample.com', 'the end of a label is no label'],
    ['www.example.com', 'www.example.com..', 'two trailing dots'],
    ['*.example.com', 'example.com', 'a wildcard stands for one label, not for none'],
    ['*.example.com', '.example.com', 'an empty label is no label'],
    ['*.example.com', 'bar.foo.example.com', 'a wildcard stands for one label, not for two'],
    ['f*.example.com', 'foo.example.com', 'a wildcard is a whole label'],
    ['*o.example.com', 'foo.example.com', 'a wildcard is a whole label'],
    ['f*o.example.com', 'foo.example.com', 'a wildcard is a whole label'],
    ['**.example.com', 'foo.example.com', 'there is one wildcard in a label'],
    ['xn--*.example.com', 'xn--mller-kva.example.com', 'a wildcard is no part of an A-label'],
    ['bar.*.example.com', 'bar.foo.example.com', 'a wildcard is the left-most label'],
    ['*.*.example.com', 'bar.foo.example.com', 'there is one wildcard'],
    ['*', 'intranet', 'a wildcard alone'],
    ['*.', 'intranet', 'a wildcard above the root'],
    ['*.com', 'example.com', 'a wildcard under a top-level domain'],
    ['*.example.com', '*.example.com', 'a reference has no wildcard'],
    ['www.example.com', 'www.example.com:443', 'a port is no part of a name'],
    ['www.example.com\\u{0}.evil.net', 'www.example.com', 'a NUL ends nothing'],
    ['müller.example.com', 'xn--mller-kva.example.com', 'a dNSName is ASCII'],
    ['192.0.2.1', '192.0.2.1', 'an address is no DNS name'],
    ['*.0.2.1', '192.0.2.1', 'an address has no labels'],
    ['', '', 'nothing is no name'],
    ['.', '.', 'the root is no host'],
    [`${'a.'.repeat(127)}com`, `${'a.'.repeat(127)}com`, 'a name has 253 characters at most'],
    ['a\u2044b.example.com', 'a/b.example.com', 'no part of a URL gets into a name'],
  ])('%s does not cover %s: %s', (dnsId, reference) => {
    expect(covers(dnsId, reference)).toBe(false);
  });
});

describe('RFC 9525 6.4, an IP-ID', () => {
  const names = foldPresented(['www.example.com'], ['192.0.2.1', '2001:db8::1']);

  it('covers the same address however it is written', () => {
    expect(coversHost(names, '192.0.2.1')).toBe(true);
    expect(coversHost(names, '2001:DB8:0:0:0:0:0:1')).toBe(true);
    expect(coversHost(names, '[2001:db8::1]')).toBe(true);
  });

  it('does not cover another address, nor the mapped form of its own', () => {
    expect(coversHost(names, '192.0.2.2')).toBe(false);
    expect(coversHost(names, '::ffff:192.0.2.1')).toBe(false);
  });

  it('leaves out what is no address', () => {
    expect(foldPresented([], ['192.0.2', '']).addresses.size).toBe(0);
  });
});

describe('RFC 6125 6.4.4, a CN-ID', () => {
  it('is asked where there is no SAN', () => {
    const names = toPresentedNames(fakeCertificate({ subject: 'O=Shop,CN=www.shop.net,CN=*.shop.net' }));
    expect(coversHost(names, 'www.shop.net')).toBe(true);
    expect(coversHost(names, 'api.shop.net')).toBe(true);
    expect(coversHost(names, 'shop.net')).toBe(false);
  });

  it('is not asked where there is a SAN', () => {
    const names = toPresentedNames(fakeCertificate({ subject: 'CN=www.shop.net', dns: ['api.shop.net'] }));
    expect(coversHost(names, 'www.shop.net')).toBe(false);
    expect(coversHost(names, 'api.shop.net')).toBe(true);
  });

  it('is not asked where the SAN holds no host at all', () => {
    const names = toPresentedNames(fakeCertificate({ subject: 'CN=www.shop.net', hasSan: true }));
    expect(coversHost(names, 'www.shop.net')).toBe(false);
  });

  it('may be an address', () => {
    const names = toPresentedNames(fakeCertificate({ subject: 'CN=192.0.2.7' }));
    expect(coversHost(names, '192.0.2.7')).toBe(true);
    expect(coversHost(names, '192.0.2.8')).toBe(false);
  });

  it('may be written in U-labels', () => {
    const names = toPresentedNames(fakeCertificate({ subject: 'CN=Bücher.de,CN=*.bücher.de.,CN=a b ü' }));
    expect(coversHost(names, 'xn--bcher-kva.de')).toBe(true);
    expect(coversHost(names, 'www.bücher.de')).toBe(true);
    expect(coversHost(names, 'a b ü')).toBe(false);
  });

  it('is looked for in a bounded number of them', () => {
    const filler = 'CN=filler.net,'.repeat(MAX_COMMON_NAMES);
    const names = toPresentedNames(fakeCertificate({ subject: `${filler}CN=www.shop.net` }));
    expect(coversHost(names, 'www.shop.net')).toBe(false);
  });
});

describe('any name and any question', () => {
  const hostile = fc.string({
    unit: fc.constantFrom('a', 'B', '.', '*', '*.', 'xn--', 'ü', '\u3002', '/', '@', '1', '', '\u0000'),
    maxLength: 20,
  });

  it('are answered without a throw', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 4 }), hostile, (names, reference) => {
        const certificate = fakeCertificate({ subject: names.map((name) => `CN=${name}`).join(',') });
        expect(coversHost(toPresentedNames(certificate), reference)).toBeTypeOf('boolean');
        expect(coversHost(foldPresented(names, names), reference)).toBeTypeOf('boolean');
      }),
      { numRuns: 1000 },
    );
  });

  it('a name covers itself and a wildcard each child of its parent', () => {
    fc.assert(
      fc.property(fc.domain(), fc.constantFrom('www', 'xn--mller-kva', 'a_b', '1'), (domain, label) => {
        expect(covers(domain, domain.toUpperCase())).toBe(true);
        expect(covers(`*.${domain}`, `${label}.${domain}`)).toBe(true);
        expect(covers(`*.${domain}`, domain)).toBe(false);
        expect(covers(`*.${domain}`, `x.${label}.${domain}`)).toBe(false);
      }),
    );
  });
});
