import { describe, expect, it } from 'vitest';
import { CertificateCache } from '../../src/x509/certificate-cache.ts';
import { ChainCache } from '../../src/x509/chain-cache.ts';
import { MAX_CHAIN_CERTIFICATES } from '../../src/x509/limits.ts';
import { certificate, commonName, concat, int } from './der-writer.ts';

const leaf = certificate({ serial: int('01'), subject: commonName('leaf') });
const root = certificate({ serial: int('02'), subject: commonName('root') });

describe('a cache of certificates', () => {
  it('parses a certificate once', () => {
    const cache = new CertificateCache();
    const buf = concat(new Uint8Array(3), leaf, root);
    const first = cache.intern(buf, 3, 3 + leaf.length);
    expect(cache.intern(leaf, 0, leaf.length)).toBe(first);
    expect(cache.intern(root, 0, root.length)).not.toBe(first);
    expect(cache.counters).toMatchObject({ hits: 1, misses: 2, entries: 2 });
  });

  it('does not look at the borrowed bytes later', () => {
    const cache = new CertificateCache();
    const buf = new Uint8Array(leaf);
    const first = cache.intern(buf, 0, buf.length);
    buf.fill(0);
    expect(cache.intern(leaf, 0, leaf.length)).toBe(first);
    expect(first.subject.text).toBe('CN=leaf');
  });

  it('counts what it let go', () => {
    const cache = new CertificateCache(2);
    for (const serial of ['01', '02', '03']) {
      const der = certificate({ serial: int(serial) });
      cache.intern(der, 0, der.length);
    }
    expect(cache.counters).toMatchObject({ misses: 3, entries: 2, evictions: 1 });
  });

  it('reads a certificate that is too large to keep', () => {
    const cache = new CertificateCache(10, 100);
    expect(cache.intern(leaf, 0, leaf.length).subject.text).toBe('CN=leaf');
    expect(cache.counters.entries).toBe(0);
  });
});

describe('a cache of chains', () => {
  const list = concat(leaf, root);
  const ranges = [0, leaf.length, leaf.length, list.length];

  it('knows a list by its bytes', () => {
    const cache = new ChainCache();
    expect(cache.get(list, 0, list.length)).toBeUndefined();
    const chain = cache.put(list, 0, list.length, ranges);
    expect(chain.certificates.map((cert) => cert.subject.text)).toEqual(['CN=leaf', 'CN=root']);
    expect(chain.dropped).toBe(0);
    expect(cache.get(concat(list), 0, list.length)).toBe(chain);
    expect(cache.get(list, 0, list.length - 1)).toBeUndefined();
    expect(cache.counters).toMatchObject({ hits: 1, misses: 2 });
  });

  it('shares certificates between lists', () => {
    const cache = new ChainCache();
    const chain = cache.put(list, 0, list.length, ranges);
    const alone = cache.put(leaf, 0, leaf.length, [0, leaf.length]);
    expect(alone.certificates[0]).toBe(chain.certificates[0]);
  });

  it('counts what it did not read', () => {
    const many = Array.from({ length: 100 }, () => [0, leaf.length]).flat();
    const chain = new ChainCache().put(leaf, 0, leaf.length, many, 2);
    expect(chain.certificates).toHaveLength(MAX_CHAIN_CERTIFICATES);
    expect(chain.dropped).toBe(100 - MAX_CHAIN_CERTIFICATES + 2);
  });

  it('keeps an empty list', () => {
    const cache = new ChainCache();
    const chain = cache.put(leaf, 0, 0, [], 0);
    expect(chain).toEqual({ certificates: [], dropped: 0 });
    expect(cache.get(leaf, 0, 0)).toBe(chain);
  });
});
