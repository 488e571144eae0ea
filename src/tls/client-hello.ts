/**
 * ClientHello, as sent by TLS 1.0 - 1.3, DTLS and QUIC clients.
 *
 *     legacy_version       2
 *     random              32
 *     session_id         1 + 0..32
 *     cookie             1 + 0..255       DTLS only
 *     cipher_suites      2 + 2..2^16-2    even
 *     compression        1 + 1..255
 *     extensions         2 + 0..2^16-1    may be absent before TLS 1.3
 *       type               2
 *       data               2 + n
 *
 * RFC 8446 4.1.2, RFC 9147 5.3. Unknown and GREASE values are kept: a sensor reports what was sent.
 *
 * The message is read in two speeds. One pass finds what is this hello's own (random, name, ticket) and gathers what its
 * software decides into a key; lists and fingerprints are built only if no equal hello was met before (`HelloShapeCache`).
 *
 * Lenient: a vector that claims more than there is ends where the message ends, and an odd byte in a list of pairs is left
 * out. The result then carries the first fault of the framing, else of the extensions' contents, and is otherwise whole.
 * Everything is copied; nothing of the caller's buffer is kept.
 */

import { Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import { isEchType } from './build-hello-shape.ts';
import { readCopy } from './copy-bytes.ts';
import type { HelloShape, HelloTransport } from './hello-shape.ts';
import type { HelloShapeCache } from './hello-shape-cache.ts';
import { ECH_KINDS, HELLO_TRANSPORTS, type HelloShapeKey } from './hello-shape-key.ts';
import {
  MAX_CIPHER_SUITES,
  MAX_CLIENT_HELLO,
  MAX_EXTENSIONS,
  MAX_KEY_SHARES,
  MAX_SERVER_NAME,
  MAX_SHAPE_CONTENT,
} from './limits.ts';
import { ExtensionType } from './registry/generated/extensions.ts';
import { isGrease } from './registry/grease.ts';
import { ServerNames } from './server-names.ts';

/** One ClientHello: its shape, and what is its own. All values are copied. */
export interface ClientHello {
  readonly shape: HelloShape;
  /** 32 bytes in TLS; the challenge of an SSLv2-format hello, 16 to 32. */
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  /**
   * Name asked for (RFC 6066 3): the first host_name, ASCII letters in lower case, otherwise as sent (a trailing dot stays) and
   * escaped where it is not printable; empty if none.
   */
  readonly serverName: string;
  /** Length of the ticket in session_ticket: -1 without the extension, 0 for an empty one. */
  readonly ticketLen: number;
  /** Identities in pre_shared_key. */
  readonly pskIdentities: number;
  readonly hasEarlyData: boolean;
  /** Length of the DTLS cookie, or of the TLS 1.3 cookie extension; 0 if none. */
  readonly cookieLen: number;
  /** Bytes of the message with its header. */
  readonly sizeBytes: number;
  /** Name of the fault that ended the parse, or empty. */
  readonly fault: string;
}

const TLS_HEADER_LEN = 4;
const DTLS_HEADER_LEN = 12;
const HOST_NAME = 0;

/** What a hello says of itself alone, while it is being read. */
class OwnValues {
  serverName = '';
  ticketLen = -1;
  pskIdentities = 0;
  hasEarlyData = false;
  cookieLen = 0;
  fault: Fault = Fault.None;

  note(fault: Fault): void {
    if (this.fault === Fault.None) this.fault = fault;
  }
}

/** Reused for the contents of extensions. */
const content = new Cursor();

/** One for the thread: what it remembers is a function of what it is asked. */
const serverNames = new ServerNames();

/** Reads the body of a ClientHello: the window begins after the handshake header and ends with the message. */
export function parseClientHello(c: Cursor, transport: HelloTransport, shapes: HelloShapeCache): ClientHello {
  const sizeBytes = c.remaining + (transport === 'd' ? DTLS_HEADER_LEN : TLS_HEADER_LEN);
  const own = new OwnValues();
  if (c.remaining > MAX_CLIENT_HELLO) {
    own.note(Fault.TooMany);
    c.end = c.pos + MAX_CLIENT_HELLO;
  }
  const key = shapes.key.reset(c.remaining);
  key.u8(HELLO_TRANSPORTS.indexOf(transport));
  key.u16(c.u16());
  const random = readCopy(c, 32);
  const sessionId = readCopy(c, c.u8());
  if (sessionId.length > 32) own.note(Fault.BadLength);
  if (transport === 'd') {
    own.cookieLen = c.u8();
    c.skip(own.cookieLen);
  }
  readCipherSuites(c, key, own);
  readCompressionMethods(c, key, own);
  readExtensions(c, key, own);
  if (c.fault !== Fault.None) own.note(c.fault);
  const { shape, fault } = shapes.find();
  own.note(fault);
  return {
    shape,
    random,
    sessionId,
    serverName: own.serverName,
    ticketLen: own.ticketLen,
    pskIdentities: own.pskIdentities,
    hasEarlyData: own.hasEarlyData,
    cookieLen: own.cookieLen,
    sizeBytes,
    fault: own.fault === Fault.None ? '' : FAULT_NAMES[own.fault]!,
  };
}

function readCipherSuites(c: Cursor, key: HelloShapeKey, own: OwnValues): void {
  const end = vectorEnd(c, c.u16(), own);
  let len = end - c.pos;
  if (c.fault === Fault.None && (len === 0 || len % 2 !== 0)) own.note(Fault.BadLength);
  len &= ~1;
  if (len > 2 * MAX_CIPHER_SUITES) {
    own.note(Fault.TooMany);
    len = 2 * MAX_CIPHER_SUITES;
  }
  key.u16(len);
  key.copy(c.buf, c.pos, c.pos + len);
  c.pos = end;
}

function readCompressionMethods(c: Cursor, key: HelloShapeKey, own: OwnValues): void {
  const end = vectorEnd(c, c.u8(), own);
  if (c.fault === Fault.None && end === c.pos) own.note(Fault.BadLength);
  key.u8(end - c.pos);
  key.copy(c.buf, c.pos, end);
  c.pos = end;
}

function readExtensions(c: Cursor, key: HelloShapeKey, own: OwnValues): void {
  const hasBlock = c.remaining > 0;
  const blockLen = hasBlock ? c.u16() : 0;
  if (!hasBlock || c.fault !== Fault.None) {
    key.u8(0);
    return;
  }
  key.u8(1);
  const outer = c.end;
  c.end = vectorEnd(c, blockLen, own);
  for (let count = 0; c.remaining > 0; count++) {
    if (count === MAX_EXTENSIONS) {
      own.note(Fault.TooMany);
      return;
    }
    const type = c.u16();
    const len = c.u16();
    if (c.fault !== Fault.None) return;
    const end = vectorEnd(c, len, own);
    key.u16(type);
    if (isGrease(type)) key.hasGrease = true;
    else readExtension(type, content.reset(c.buf, c.pos, end), key, own);
    c.pos = end;
  }
  if (outer > c.end) own.note(Fault.TrailingBytes);
}

function readExtension(type: number, ext: Cursor, key: HelloShapeKey, own: OwnValues): void {
  switch (type) {
    case ExtensionType.ServerName:
      if (own.serverName === '') own.serverName = readServerName(ext, own);
      break;
    case ExtensionType.SessionTicket:
      own.ticketLen = ext.remaining;
      break;
    case ExtensionType.PreSharedKey:
      own.pskIdentities = countPskIdentities(ext);
      break;
    case ExtensionType.EarlyData:
      own.hasEarlyData = true;
      break;
    case ExtensionType.Cookie:
      own.cookieLen = ext.u16();
      ext.skip(own.cookieLen);
      break;
    case ExtensionType.SupportedVersions:
    case ExtensionType.SupportedGroups:
    case ExtensionType.EcPointFormats:
    case ExtensionType.SignatureAlgorithms:
    case ExtensionType.ApplicationLayerProtocolNegotiation:
    case ExtensionType.PskKeyExchangeModes: {
      if (ext.remaining > MAX_SHAPE_CONTENT) {
        own.note(Fault.TooMany);
        ext.end = ext.pos + MAX_SHAPE_CONTENT;
      }
      key.u16(ext.remaining);
      key.copy(ext.buf, ext.pos, ext.end);
      break;
    }
    case ExtensionType.KeyShare:
    case ExtensionType.KeyShareDraft:
      readKeyShares(ext, key);
      break;
    default:
      if (isEchType(type)) readEch(type, ext, key);
  }
  if (ext.fault !== Fault.None) own.note(ext.fault);
}

/** server_name_list, 2 + n: name_type 1, name 2 + n (RFC 6066 3). The first host_name counts. */
function readServerName(c: Cursor, own: OwnValues): string {
  c.end = vectorEnd(c, c.u16(), own);
  while (c.remaining > 0) {
    const nameType = c.u8();
    const end = vectorEnd(c, c.u16(), own);
    if (nameType === HOST_NAME && c.fault === Fault.None) {
      if (end - c.pos > MAX_SERVER_NAME) own.note(Fault.TooMany);
      return serverNames.read(c.buf, c.pos, Math.min(end, c.pos + MAX_SERVER_NAME));
    }
    c.pos = end;
  }
  return '';
}

/** identities, 2 + n: identity 2 + n, obfuscated_ticket_age 4 (RFC 8446 4.2.11). The binders after them are not read. */
function countPskIdentities(c: Cursor): number {
  let count = 0;
  const outer = c.enter(c.u16());
  while (c.remaining > 0) {
    c.skip(c.u16());
    c.skip(4);
    if (c.fault === Fault.None) count += 1;
  }
  c.leave(outer);
  return count;
}

/** client_shares, 2 + n: group 2, key 2 + n (RFC 8446 4.2.8). A group counts even where its key was cut off. */
function readKeyShares(c: Cursor, key: HelloShapeKey): void {
  const countAt = key.len;
  key.u8(0);
  const len = c.u16();
  if (len > c.remaining) c.fault = Fault.VectorTooLong;
  else if (c.fault === Fault.None) c.end = c.pos + len;
  let count = 0;
  while (c.remaining > 1) {
    if (count === MAX_KEY_SHARES) {
      c.fail(Fault.TooMany);
      break;
    }
    key.u16(c.u16());
    count += 1;
    c.skip(c.u16());
  }
  if (c.remaining > 0) c.fail(Fault.Truncated);
  key.bytes[countAt] = count;
}

/** ECH begins with its kind, outer 0 or inner 1 (RFC 9849 5); its drafts had none that can be told apart. */
function readEch(type: number, c: Cursor, key: HelloShapeKey): void {
  let kind = ECH_KINDS.indexOf('ech');
  if (type === ExtensionType.EncryptedServerName) kind = ECH_KINDS.indexOf('esni');
  else if (type === ExtensionType.EncryptedClientHello) {
    const form = c.u8();
    if (c.fault === Fault.None && form <= 1) kind = ECH_KINDS.indexOf(form === 0 ? 'grease_or_outer' : 'inner');
    else c.fail(Fault.BadValue);
  }
  key.u8(kind);
}

/** Where a vector of `len` bytes ends; where its parent ends, with a fault noted, if it claims more. */
function vectorEnd(c: Cursor, len: number, own: OwnValues): number {
  if (len <= c.remaining) return c.pos + len;
  own.note(Fault.VectorTooLong);
  return c.end;
}
