/**
 * ServerHello and HelloRetryRequest.
 *
 *     legacy_version       2
 *     random              32
 *     session_id         1 + 0..32     absent in drafts 1 to 21 of TLS 1.3
 *     cipher_suite         2
 *     compression          1           absent there too
 *     extensions         2 + 0..2^16-1 may be absent before TLS 1.3
 *
 * RFC 5246 7.4.1.3, RFC 8446 4.1.3. Those drafts put their version into legacy_version, 0x7f00 plus the number or (NSS with
 * draft 14) 0x0304, which the final protocol forbids there; later ones use supported_versions. A HelloRetryRequest is a ServerHello with a fixed random (RFC 8446 4.1.4); until draft 21 it was a
 * message of its own, which `parseDraftHelloRetryRequest` reads:
 *
 *     version              2
 *     cipher_suite         2           from draft 19 on
 *     extensions         2 + n
 *
 * Lenient in the way of client-hello.ts. Everything is copied.
 */

import { Cursor, EMPTY_BYTES, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import { toText } from '../bytes/text.ts';
import { readCopy } from './copy-bytes.ts';
import { Ja3sCache } from './ja3s-cache.ts';
import { MAX_EXTENSIONS } from './limits.ts';
import { ExtensionType } from './registry/generated/extensions.ts';

/** One ServerHello or HelloRetryRequest. All values are copied. */
export interface ServerHello {
  readonly legacyVersion: number;
  /** What was agreed: supported_versions where present, else `legacyVersion`. Drafts keep their wire number (0x7f17). */
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  /** -1 in SSL 2 until the client's choice was seen. */
  readonly cipherSuite: number;
  readonly compressionMethod: number;
  readonly isHelloRetryRequest: boolean;
  /** In wire order; null without an extension block. */
  readonly extensions: readonly number[] | null;
  /** Group of key_share, or -1. */
  readonly keyShareGroup: number;
  /** Index chosen in pre_shared_key, or -1. */
  readonly pskIndex: number;
  readonly alpn: string;
  readonly hasSessionTicket: boolean;
  /** The server will send a CertificateStatus (status_request or status_request_v2 is acknowledged). */
  readonly hasStatusRequest: boolean;
  /** SCTs in the signed_certificate_timestamp extension: bytes of the list, or 0. */
  readonly sctListBytes: number;
  readonly ja3s: string;
  readonly ja3sText: string;
  readonly fault: string;
}

/** SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3). */
const RETRY_RANDOM: readonly number[] = [
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
  0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

const TLS13 = 0x0304;
const FIRST_DRAFT = 0x7f00;
/** From here on a draft's ServerHello has the final form. */
const FIRST_FINAL_FORM_DRAFT = 0x7f16;
const FIRST_DRAFT_WITH_RETRY_SUITE = 0x7f13;

/** The extensions while they are being read. */
class ServerExtensions {
  types: number[] | null = null;
  supportedVersion = -1;
  keyShareGroup = -1;
  pskIndex = -1;
  alpn = '';
  hasSessionTicket = false;
  hasStatusRequest = false;
  sctListBytes = 0;
  fault: Fault = Fault.None;

  note(fault: Fault): void {
    if (this.fault === Fault.None) this.fault = fault;
  }
}

/** One for the thread: what it remembers is a function of what it is asked. */
const fingerprints = new Ja3sCache();

/** Reused for the contents of extensions. */
const content = new Cursor();

/** Reads the body of a ServerHello: the window begins after the handshake header and ends with the message. */
export function parseServerHello(c: Cursor): ServerHello {
  const legacyVersion = c.u16();
  const random = readCopy(c, 32);
  const isEarlyDraft =
    legacyVersion === TLS13 || (legacyVersion >= FIRST_DRAFT && legacyVersion < FIRST_FINAL_FORM_DRAFT);
  const sessionId = isEarlyDraft ? EMPTY_BYTES : readCopy(c, c.u8());
  const cipherSuite = c.u16();
  const compressionMethod = isEarlyDraft ? 0 : c.u8();
  const extensions = readExtensions(c);
  if (sessionId.length > 32) extensions.note(Fault.BadLength);
  return buildServerHello(extensions, {
    legacyVersion,
    random,
    sessionId,
    cipherSuite,
    compressionMethod,
    isHelloRetryRequest: isRetryRandom(random),
  });
}

/** Reads message type 6 of the drafts of TLS 1.3. A suite that was not sent is 0. */
export function parseDraftHelloRetryRequest(c: Cursor): ServerHello {
  const legacyVersion = c.u16();
  const cipherSuite = legacyVersion >= FIRST_DRAFT_WITH_RETRY_SUITE ? c.u16() : 0;
  return buildServerHello(readExtensions(c), {
    legacyVersion,
    random: EMPTY_BYTES,
    sessionId: EMPTY_BYTES,
    cipherSuite,
    compressionMethod: 0,
    isHelloRetryRequest: true,
  });
}

type FixedPart = Pick<
  ServerHello,
  'legacyVersion' | 'random' | 'sessionId' | 'cipherSuite' | 'compressionMethod' | 'isHelloRetryRequest'
>;

function buildServerHello(extensions: ServerExtensions, fixed: FixedPart): ServerHello {
  const ja3s = fingerprints.find(fixed.legacyVersion, fixed.cipherSuite, extensions.types);
  return {
    legacyVersion: fixed.legacyVersion,
    version: extensions.supportedVersion < 0 ? fixed.legacyVersion : extensions.supportedVersion,
    random: fixed.random,
    sessionId: fixed.sessionId,
    cipherSuite: fixed.cipherSuite,
    compressionMethod: fixed.compressionMethod,
    isHelloRetryRequest: fixed.isHelloRetryRequest,
    extensions: ja3s.extensions,
    keyShareGroup: extensions.keyShareGroup,
    pskIndex: extensions.pskIndex,
    alpn: extensions.alpn,
    hasSessionTicket: extensions.hasSessionTicket,
    hasStatusRequest: extensions.hasStatusRequest,
    sctListBytes: extensions.sctListBytes,
    ja3s: ja3s.hash,
    ja3sText: ja3s.text,
    fault: extensions.fault === Fault.None ? '' : FAULT_NAMES[extensions.fault]!,
  };
}

function readExtensions(c: Cursor): ServerExtensions {
  const found = new ServerExtensions();
  const hasBlock = c.remaining > 0;
  const blockLen = hasBlock ? c.u16() : 0;
  if (c.fault !== Fault.None) found.note(c.fault);
  if (!hasBlock || c.fault !== Fault.None) return found;
  const types: number[] = [];
  found.types = types;
  const outer = c.end;
  c.end = vectorEnd(c, blockLen, found);
  while (c.remaining > 0) {
    const type = c.u16();
    const len = c.u16();
    if (c.fault !== Fault.None) {
      found.note(c.fault);
      return found;
    }
    if (types.length === MAX_EXTENSIONS) {
      found.note(Fault.TooMany);
      return found;
    }
    types.push(type);
    const end = vectorEnd(c, len, found);
    readExtension(type, content.reset(c.buf, c.pos, end), found);
    c.pos = end;
  }
  if (outer > c.end) found.note(Fault.TrailingBytes);
  return found;
}

function readExtension(type: number, ext: Cursor, found: ServerExtensions): void {
  switch (type) {
    case ExtensionType.SupportedVersions: {
      const version = ext.u16();
      if (ext.fault === Fault.None) found.supportedVersion = version;
      break;
    }
    case ExtensionType.KeyShare:
    case ExtensionType.KeyShareDraft: {
      // The key itself is not needed, so a retry's share (a group only) and a full one are read alike.
      const group = ext.u16();
      if (ext.fault === Fault.None) found.keyShareGroup = group;
      break;
    }
    case ExtensionType.PreSharedKey: {
      const index = ext.u16();
      if (ext.fault === Fault.None) found.pskIndex = index;
      break;
    }
    case ExtensionType.ApplicationLayerProtocolNegotiation:
      readAlpn(ext, found);
      break;
    case ExtensionType.SessionTicket:
      found.hasSessionTicket = true;
      break;
    case ExtensionType.StatusRequest:
    case ExtensionType.StatusRequestV2:
      found.hasStatusRequest = true;
      break;
    case ExtensionType.SignedCertificateTimestamp:
      found.sctListBytes = ext.u16();
      ext.skip(found.sctListBytes);
      break;
    default:
  }
  if (ext.fault !== Fault.None) found.note(ext.fault);
}

/** protocol_name_list, 2 + n, with exactly one name, 1 + n (RFC 7301 3.1). */
function readAlpn(c: Cursor, found: ServerExtensions): void {
  c.end = vectorEnd(c, c.u16(), found);
  const end = vectorEnd(c, c.u8(), found);
  found.alpn = toText(c.buf, c.pos, end);
}

function vectorEnd(c: Cursor, len: number, found: ServerExtensions): number {
  if (len <= c.remaining) return c.pos + len;
  found.note(Fault.VectorTooLong);
  return c.end;
}

function isRetryRandom(random: Uint8Array): boolean {
  if (random.length !== RETRY_RANDOM.length) return false;
  for (let i = 0; i < random.length; i++) if (random[i] !== RETRY_RANDOM[i]) return false;
  return true;
}
