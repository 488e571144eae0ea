import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { type ClientHello, parseClientHello } from '../../src/tls/client-hello.ts';
import type { HelloTransport } from '../../src/tls/hello-shape.ts';
import { HelloShapeCache } from '../../src/tls/hello-shape-cache.ts';
import { MAX_SHAPE_KEY, SHAPE_SETS, SHAPE_WAYS } from '../../src/tls/limits.ts';
import { extension, vec, wire } from '../support/parser-cases.ts';

function parse(
  shapes: HelloShapeCache,
  extensions: string,
  transport: HelloTransport = 't',
  random = '11',
): ClientHello {
  const cookie = transport === 'd' ? '00' : '';
  const body = wire(`0303 ${random.repeat(32)} 00 ${cookie} 0002 1301 01 00 ${vec(2, extensions)}`);
  return parseClientHello(new Cursor(body), transport, shapes);
}

const name = (hex: string): string => extension(0, vec(2, '00', vec(2, hex)));
const share = (key: string): string => extension(51, vec(2, '001d', vec(2, key)));

describe('HelloShapeCache', () => {
  it('gives one shape to hellos that differ in random, name and keys', () => {
    const shapes = new HelloShapeCache();
    const a = parse(shapes, name('61') + share('0102'), 't', '11');
    const b = parse(shapes, name('6263') + share('030405'), 't', '22');
    expect(b.shape).toBe(a.shape);
    expect([a.serverName, b.serverName]).toEqual(['a', 'bc']);
    expect(shapes).toMatchObject({ hits: 1, misses: 1, bypassed: 0, evictions: 0 });
  });

  it('gives different shapes to hellos that differ in anything that a shape shows', () => {
    const shapes = new HelloShapeCache();
    const variants = [
      '',
      name('61'),
      share('01'),
      extension(51, vec(2, '0017', vec(2, '01'))),
      extension(10, vec(2, '0017')),
      extension(10, vec(2, '0018')),
      extension(11, vec(1, '00')),
      extension(13, vec(2, '0403')),
      extension(16, vec(2, vec(1, '6832'))),
      extension(43, vec(1, '0304')),
      extension(45, vec(1, '01')),
      extension(0xfe0d, '00'),
      extension(0xfe0d, '01'),
    ];
    const seen = new Set(variants.map((text) => parse(shapes, text).shape));
    expect(seen.size).toBe(variants.length);
    expect(shapes.hits).toBe(0);
  });

  it('keeps shapes of TCP, DTLS and QUIC apart', () => {
    const shapes = new HelloShapeCache();
    const letters = (['t', 'q', 'd'] as const).map((transport) => parse(shapes, '', transport).shape.ja4[0]);
    expect(letters).toEqual(['t', 'q', 'd']);
    expect(shapes.misses).toBe(3);
  });

  it('remembers the fault of the extensions with the shape', () => {
    const shapes = new HelloShapeCache();
    for (let i = 0; i < 2; i++) expect(parse(shapes, extension(10, vec(2, '00'))).fault).toBe('bad_length');
    expect(shapes.hits).toBe(1);
  });

  it('does not keep a hello with GREASE, which would never come again', () => {
    const shapes = new HelloShapeCache();
    for (let i = 0; i < 2; i++) parse(shapes, extension(0x1a1a));
    expect(shapes).toMatchObject({ hits: 0, misses: 2, bypassed: 2 });
  });

  it('does not keep a shape whose key is above the cap', () => {
    const shapes = new HelloShapeCache();
    const long = extension(10, vec(2, '0017'.repeat(MAX_SHAPE_KEY / 2)));
    for (let i = 0; i < 2; i++) expect(parse(shapes, long).shape.groups).toHaveLength(MAX_SHAPE_KEY / 2);
    expect(shapes).toMatchObject({ misses: 2, bypassed: 2 });
  });

  it('is bounded, counts what it pushes out, and keeps what is in use', () => {
    const shapes = new HelloShapeCache();
    const capacity = SHAPE_SETS * SHAPE_WAYS;
    const used = extension(10, vec(2, '0017'));
    for (let i = 0; i < 2 * capacity; i++) {
      const groups = `${(0x1_0000 + i).toString(16).slice(1)}0018`;
      parse(shapes, extension(10, vec(2, groups)));
      if (i % 50 === 0) parse(shapes, used);
    }
    expect(shapes.misses - shapes.evictions).toBeLessThanOrEqual(capacity);
    expect(shapes.evictions).toBeGreaterThan(0);
    expect(shapes.hits).toBe(Math.ceil((2 * capacity) / 50) - 1);
  });
});
