/**
 * JA4S, the server's counterpart of JA4. Under the FoxIO License 1.1 (internal use is free, resale is not), therefore a
 * function that nothing calls unless the operator asks for it.
 *
 *     t120400_c030_4e8089b08790
 *     |  | |  |    SHA-256 of extensions in order, 12 digits; zeros without any
 *     |  | |  suite chosen
 *     |  | first and last character of the ALPN name chosen
 *     |  count of extensions
 *     transport and version, as in JA4
 */

import { toHex16 } from '../bytes/hex.ts';
import type { HelloTransport } from './hello-shape.ts';
import { toCount, toShortHash, toVersionCode } from './ja4.ts';
import { isGrease } from './registry/grease.ts';
import type { ServerHello } from './server-hello.ts';

export function buildJa4s(transport: HelloTransport, hello: ServerHello): string {
  let count = 0;
  let list = '';
  for (const type of hello.extensions ?? []) {
    if (isGrease(type)) continue;
    list += count === 0 ? toHex16(type) : `,${toHex16(type)}`;
    count += 1;
  }
  const head = transport + toVersionCode(hello.version) + toCount(count) + hello.alpnEnds;
  return `${head}_${toHex16(hello.cipherSuite)}_${toShortHash(list)}`;
}
