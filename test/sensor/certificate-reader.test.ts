import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CertificateReader } from '../../src/sensor/certificate-reader.ts';
import { certificate, certificateMessage } from '../support/tls-bytes.ts';

const LEAF = certificate('leaf.example', 'issuer.example');
const ISSUER = certificate('issuer.example');

/** The body of a Certificate message, without the header of four bytes. */
function bodyOf(...certificates: readonly Uint8Array[]): Uint8Array {
  return certificateMessage(...certificates).slice(4);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('CertificateReader', () => {
  it('reads the certificates of a list, in order', () => {
    const body = bodyOf(LEAF, ISSUER);
    const chain = new CertificateReader().readList(body, 0, body.length);
    expect(chain!.certificates.map((c) => c.sha256)).toEqual([LEAF, ISSUER].map(sha256));
  });

  it('knows a list again by its bytes, wherever they lie, and keeps none of the caller', () => {
    const reader = new CertificateReader();
    const body = bodyOf(LEAF, ISSUER);
    const first = reader.readList(body, 0, body.length);
    const moved = new Uint8Array(body.length + 20);
    moved.set(body, 7);
    body.fill(0);
    expect(reader.readList(moved, 7, 7 + body.length)).toBe(first);
  });

  it('has nothing to say of a list without a certificate', () => {
    const reader = new CertificateReader();
    for (const body of [bodyOf(), Uint8Array.of(0, 0, 0), Uint8Array.of(0), new Uint8Array(0)]) {
      expect(reader.readList(body, 0, body.length)).toBeNull();
    }
  });

  it('reads a bare certificate, and does not mistake it for a list', () => {
    const reader = new CertificateReader();
    const bare = reader.readBare(LEAF, 0, LEAF.length);
    expect(bare.certificates.map((c) => c.sha256)).toEqual([sha256(LEAF)]);
    expect(reader.readBare(LEAF, 0, LEAF.length)).toBe(bare);
    const body = bodyOf(LEAF);
    expect(reader.readList(body, 0, body.length)).not.toBe(bare);
  });

  it('reads any bytes without throwing', () => {
    const reader = new CertificateReader();
    const body = bodyOf(LEAF, ISSUER);
    const changed = fc.tuple(fc.nat(body.length - 1), fc.nat(255), fc.nat(body.length)).map(([at, byte, end]) => {
      return body.with(at, byte).subarray(0, end);
    });
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 80 })), (bytes) => {
        const chain = reader.readList(bytes, 0, bytes.length);
        expect(chain?.certificates.length).not.toBe(0);
      }),
    );
  });
});
