/**
 * CompressedCertificate, seen in TLS 1.3 after decryption.
 *
 *     algorithm                            2         1 zlib, 2 brotli, 3 zstd
 *     uncompressed_length                  3
 *     compressed_certificate_message     3 + n
 *
 * RFC 8879 4. Only the header is read; nothing is decompressed here.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';

export interface CompressedCertificate {
  readonly algorithm: number;
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
  readonly fault: string;
}

export function parseCompressedCertificate(c: Cursor): CompressedCertificate {
  const algorithm = c.u16();
  const uncompressedBytes = c.u24();
  const compressedBytes = c.u24();
  const outer = c.enter(compressedBytes);
  c.leave(outer);
  if (c.remaining > 0) c.fail(Fault.TrailingBytes);
  return { algorithm, uncompressedBytes, compressedBytes, fault: c.fault === Fault.None ? '' : FAULT_NAMES[c.fault]! };
}
