/**
 * A hello's shape, from its key (`hello-shape-key.ts` has the layout).
 *
 * Extensions are read leniently: a list longer than its extension is read as far as it goes, an odd byte at the end is left
 * out, and the first such fault is returned beside the shape. Of an extension sent twice, the first counts.
 */

import { Cursor, Fault } from '../bytes/cursor.ts';
import { toText } from '../bytes/text.ts';
import type { EchKind, HelloShape } from './hello-shape.ts';
import { ECH_KINDS, HELLO_TRANSPORTS } from './hello-shape-key.ts';
import { buildJa3Text, hashJa3 } from './ja3.ts';
import { buildJa4, NO_ALPN, toAlpnEnds } from './ja4.ts';
import { MAX_ALPN_NAMES } from './limits.ts';
import { ExtensionType } from './registry/generated/extensions.ts';

/** A shape, and the first fault met in the extensions that it was read from. */
export interface FoundShape {
  readonly shape: HelloShape;
  readonly fault: Fault;
}

const NO_NUMBERS: readonly number[] = [];
const NO_NAMES: readonly string[] = [];

/** The shape while it is being read. */
class ShapeReader {
  fault: Fault = Fault.None;
  extensions: number[] | null = null;
  supportedVersions: readonly number[] = NO_NUMBERS;
  groups: readonly number[] = NO_NUMBERS;
  pointFormats: readonly number[] = NO_NUMBERS;
  signatureSchemes: readonly number[] = NO_NUMBERS;
  keyShareGroups: readonly number[] = NO_NUMBERS;
  pskModes: readonly number[] = NO_NUMBERS;
  alpn: readonly string[] = NO_NAMES;
  alpnEnds: string = NO_ALPN;
  ech: EchKind = 'none';
  private readonly content = new Cursor();

  readExtensions(c: Cursor): void {
    const extensions: number[] = [];
    this.extensions = extensions;
    while (c.remaining > 0) {
      const type = c.u16();
      this.readContent(c, type, !extensions.includes(type));
      extensions.push(type);
    }
  }

  private readContent(c: Cursor, type: number, isFirst: boolean): void {
    switch (type) {
      case ExtensionType.SupportedVersions: {
        const body = this.enter(c);
        const versions = readU16s(body, body.u8());
        if (isFirst) this.supportedVersions = versions;
        break;
      }
      case ExtensionType.SupportedGroups: {
        const body = this.enter(c);
        const groups = readU16s(body, body.u16());
        if (isFirst) this.groups = groups;
        break;
      }
      case ExtensionType.EcPointFormats: {
        const body = this.enter(c);
        const formats = readU8s(body, body.u8());
        if (isFirst) this.pointFormats = formats;
        break;
      }
      case ExtensionType.SignatureAlgorithms: {
        const body = this.enter(c);
        const schemes = readU16s(body, body.u16());
        if (isFirst) this.signatureSchemes = schemes;
        break;
      }
      case ExtensionType.PskKeyExchangeModes: {
        const body = this.enter(c);
        const modes = readU8s(body, body.u8());
        if (isFirst) this.pskModes = modes;
        break;
      }
      case ExtensionType.ApplicationLayerProtocolNegotiation: {
        const body = this.enter(c);
        if (isFirst) this.readAlpn(body, body.u16());
        break;
      }
      case ExtensionType.KeyShare:
      case ExtensionType.KeyShareDraft: {
        const groups: number[] = [];
        for (let n = c.u8(); n > 0; n--) groups.push(c.u16());
        if (this.keyShareGroups === NO_NUMBERS) this.keyShareGroups = groups;
        return;
      }
      default:
        if (isEchType(type)) {
          const kind = ECH_KINDS[c.u8()] ?? 'ech';
          if (this.ech === 'none') this.ech = kind;
        }
        return;
    }
    if (this.fault === Fault.None) this.fault = this.content.fault;
  }

  /** A window on the body of the next extension. */
  private enter(c: Cursor): Cursor {
    const len = c.u16();
    const at = c.skip(len);
    return this.content.reset(c.buf, at, at + len);
  }

  private readAlpn(c: Cursor, len: number): void {
    const names: string[] = [];
    const isCut = len > c.remaining;
    const end = isCut ? c.end : c.pos + len;
    while (c.pos < end && names.length < MAX_ALPN_NAMES) {
      const nameLen = c.u8();
      const at = c.pos;
      const nameEnd = Math.min(at + nameLen, end);
      if (names.length === 0) this.alpnEnds = toAlpnEnds(c.buf, at, nameEnd);
      names.push(toText(c.buf, at, nameEnd));
      if (nameEnd < at + nameLen) c.fail(Fault.VectorTooLong);
      else c.pos = nameEnd;
      if (c.fault !== Fault.None) break;
    }
    this.alpn = names;
    if (c.pos < end && names.length === MAX_ALPN_NAMES) c.fail(Fault.TooMany);
    closeList(c, 0, isCut);
  }
}

export function buildHelloShape(key: Uint8Array, keyLen: number): FoundShape {
  const c = new Cursor(key, 0, keyLen);
  const transport = HELLO_TRANSPORTS[c.u8()] ?? 't';
  const legacyVersion = c.u16();
  const cipherSuites: number[] = [];
  for (let n = c.u16(); n > 1; n -= 2) cipherSuites.push(c.u16());
  const compressionMethods: number[] = [];
  for (let n = c.u8(); n > 0; n--) compressionMethods.push(c.u8());
  const reader = new ShapeReader();
  if (c.u8() === 1) reader.readExtensions(c);
  const { extensions, supportedVersions, groups, pointFormats, signatureSchemes, alpnEnds } = reader;
  const ja3Text = buildJa3Text({ legacyVersion, cipherSuites, extensions, groups, pointFormats });
  const shape: HelloShape = {
    legacyVersion,
    isSslv2Format: false,
    cipherSuites,
    compressionMethods,
    extensions,
    supportedVersions,
    groups,
    pointFormats,
    signatureSchemes,
    keyShareGroups: reader.keyShareGroups,
    pskModes: reader.pskModes,
    alpn: reader.alpn,
    ech: reader.ech,
    ja3: hashJa3(ja3Text),
    ja3Text,
    ja4: buildJa4(transport, {
      legacyVersion,
      cipherSuites,
      extensions,
      supportedVersions,
      signatureSchemes,
      alpnEnds,
    }),
  };
  return { shape, fault: reader.fault };
}

/** ECH as published (RFC 9849), its drafts from 7 on, and ESNI. */
export function isEchType(type: number): boolean {
  return (
    (type >= ExtensionType.EncryptedClientHelloDraft8 && type <= ExtensionType.EncryptedClientHello) ||
    type === ExtensionType.EncryptedClientHelloDraft7 ||
    type === ExtensionType.EncryptedServerName
  );
}

/** The 16-bit values of a list of `len` bytes that fills the window, as far as they are there. */
function readU16s(c: Cursor, len: number): readonly number[] {
  const values: number[] = [];
  const isCut = len > c.remaining;
  let left = isCut ? c.remaining : len;
  for (; left > 1; left -= 2) values.push(c.u16());
  closeList(c, left, isCut);
  return values;
}

function readU8s(c: Cursor, len: number): readonly number[] {
  const values: number[] = [];
  const isCut = len > c.remaining;
  for (let left = isCut ? c.remaining : len; left > 0; left--) values.push(c.u8());
  closeList(c, 0, isCut);
  return values;
}

/** Records what is wrong at the end of a list: it claimed more than there is, half a value is left, or bytes follow it. */
function closeList(c: Cursor, left: number, isCut: boolean): void {
  if (isCut) c.fail(Fault.VectorTooLong);
  else if (left > 0) c.fail(Fault.BadLength);
  else if (c.remaining > 0) c.fail(Fault.TrailingBytes);
}
