/**
 * Names of TLS wire numbers, for events and people.
 *
 * The tables are generated (`tools/gen-registry.ts`). A number without a name is its hexadecimal form, `0x1a2b`, as many
 * digits as it has on the wire; a reserved value (RFC 8701) is `GREASE(0x1a1a)`. So every number has a name, and two numbers
 * never share one by being unknown. Unlisted: nothing here says whether a value is safe or sensible.
 */

import { ALERT_NAMES } from './generated/alerts.ts';
import { CIPHER_SUITE_NAMES } from './generated/cipher-suites.ts';
import { COMPRESSION_METHOD_NAMES } from './generated/compression-methods.ts';
import { CONTENT_TYPE_NAMES } from './generated/content-types.ts';
import { EXTENSION_NAMES } from './generated/extensions.ts';
import { GROUP_NAMES } from './generated/groups.ts';
import { HANDSHAKE_TYPE_NAMES } from './generated/handshake-types.ts';
import { SIGNATURE_SCHEME_NAMES } from './generated/signature-schemes.ts';
import { SSL2_CIPHER_SUITE_NAMES } from './generated/ssl2-cipher-suites.ts';
import { VERSION_NAMES } from './generated/versions.ts';
import { isGrease } from './grease.ts';

/** A TLS suite, or the 24-bit number of an SSLv2-format hello, of which 0x0000xx are TLS suites (RFC 5246 E.2). */
export function cipherSuiteName(suite: number): string {
  if (suite <= 0xffff) return nameOf16(CIPHER_SUITE_NAMES, suite);
  return SSL2_CIPHER_SUITE_NAMES.get(suite) ?? toHexName(suite, 6);
}

export function extensionName(type: number): string {
  return nameOf16(EXTENSION_NAMES, type);
}

/** A curve or key exchange group. */
export function groupName(group: number): string {
  return nameOf16(GROUP_NAMES, group);
}

export function signatureSchemeName(scheme: number): string {
  return nameOf16(SIGNATURE_SCHEME_NAMES, scheme);
}

export function alertName(description: number): string {
  return ALERT_NAMES.get(description) ?? toHexName(description, 2);
}

export function handshakeTypeName(type: number): string {
  return HANDSHAKE_TYPE_NAMES.get(type) ?? toHexName(type, 2);
}

export function contentTypeName(type: number): string {
  return CONTENT_TYPE_NAMES.get(type) ?? toHexName(type, 2);
}

export function compressionMethodName(method: number): string {
  return COMPRESSION_METHOD_NAMES.get(method) ?? toHexName(method, 2);
}

/**
 * A protocol version. The drafts of TLS 1.3 are 0x7f00 plus their number (RFC 8446 4.2.1 as of draft 28), and Facebook's
 * are 0xfb00 plus theirs, which its own tools and Wireshark write in hexadecimal: `TLSv1.3-fb1a` is draft 26.
 */
export function versionName(version: number): string {
  const name = VERSION_NAMES.get(version);
  if (name !== undefined) return name;
  const low = version & 0xff;
  if (version >> 8 === 0x7f) return `TLSv1.3-draft${low}`;
  if (version >> 8 === 0xfb) return `TLSv1.3-fb${low.toString(16).padStart(2, '0')}`;
  return isGrease(version) ? toGreaseName(version) : toHexName(version, 4);
}

function nameOf16(names: ReadonlyMap<number, string>, n: number): string {
  return names.get(n) ?? (isGrease(n) ? toGreaseName(n) : toHexName(n, 4));
}

function toGreaseName(n: number): string {
  return `GREASE(${toHexName(n, 4)})`;
}

function toHexName(n: number, digits: number): string {
  return `0x${n.toString(16).padStart(digits, '0')}`;
}
