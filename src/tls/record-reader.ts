/**
 * One direction of a TLS connection: stream bytes in, handshake messages out.
 *
 *     record     type 1 | version 2 | length 2 | fragment              RFC 8446 5.1, RFC 5246 6.2.1
 *     message    type 1 | length 3 | body        in the fragments of handshake records, across them as it likes
 *
 * A message that lies whole in the bytes at hand is handed on from there; one in pieces is put together in a borrowed
 * buffer. What is encrypted is skipped by its length. After a gap the reader goes on where the lengths it knows say the
 * next record begins, and where it knows none it looks for a believable boundary (`hunt`).
 *
 * Nothing is kept of a record but what a handshake needs. Bytes handed to the handler are borrowed.
 */
import { MAX_CERTIFICATE_BYTES, MAX_HUNT_BYTES, MAX_MESSAGE_BYTES, MAX_RECORD_BYTES } from './limits.ts';
import type { MessageBuffers } from './message-buffers.ts';
import { isRecordType, looksLikeMessage, looksLikeRecord } from './probe.ts';
import { ContentType } from './registry/generated/content-types.ts';
import { HandshakeType } from './registry/generated/handshake-types.ts';

export type ReaderSide = 0 | 1;

export interface RecordHandler {
  /** One whole message; the body is `buf[at, end)`. */
  onMessage(side: ReaderSide, type: number, buf: Uint8Array, at: number, end: number): void;
  /** A message that can't be had: bytes are missing, or it is over its cap. Its type may be unknown (-1). */
  onLostMessage(side: ReaderSide, type: number): void;
  /** A record that begins: its type, the version field and length of its header, and whether its content is readable. */
  onRecord(side: ReaderSide, type: number, length: number): void;
  onAlert(side: ReaderSide, level: number, description: number): void;
  /** What came is no record. The reader hunts for one from here on. */
  onBadRecord(side: ReaderSide): void;
}

/** A message's type and length, and the first byte of a hello's version. */
const JUDGED_BYTES = 5;

const Mode = { Hunt: 0, Header: 1, Fragment: 2 } as const;
type Mode = (typeof Mode)[keyof typeof Mode];

export class RecordReader {
  readonly #side: ReaderSide;
  readonly #handler: RecordHandler;
  readonly #buffers: MessageBuffers;
  #mode: Mode = Mode.Header;
  /** Set once this direction's records are encrypted: fragments are skipped from then on. */
  isEncrypted = false;
  /** Set where that can't be known: the next handshake record says it, by beginning with a hello or not. */
  isDoubtful = false;
  /** Bytes looked at while hunting. */
  #hunted = 0;

  // The header of the record at hand, in pieces while `#headerHave` is below 5.
  #headerHave = 0;
  #header0 = 0;
  #header1 = 0;
  #header2 = 0;
  #header3 = 0;
  #type = 0;
  /** Bytes of the fragment still to come. */
  #left = 0;
  /** Nothing of the fragment was looked at yet. */
  #isFresh = false;
  /** What is at hand is the beginning of a doubtful record, and too short to be judged. */
  #isUnjudged = false;

  // The message at hand: its bytes with header, or null; `#need` is its size once its length is known.
  #message: Uint8Array | null = null;
  #have = 0;
  #need = 0;
  /** Bytes of a lost or refused message still to skip. */
  #skip = 0;
  /** The message boundary is lost: nothing can be framed until a record begins with a believable message. */
  #isAdrift = false;
  #alertLevel = -1;

  constructor(side: ReaderSide, handler: RecordHandler, buffers: MessageBuffers) {
    this.#side = side;
    this.#handler = handler;
    this.#buffers = buffers;
  }

  /** Whether a message or a record has begun and not ended. */
  get isInside(): boolean {
    return this.#message !== null || this.#skip > 0 || this.#headerHave > 0;
  }

  /** The type of the message at hand, or -1. */
  get pendingType(): number {
    return this.#message !== null && this.#have > 0 ? this.#message[0]! : -1;
  }

  /** Bytes looked at in vain exceed what is worth looking at. */
  get isHopeless(): boolean {
    return this.#hunted > MAX_HUNT_BYTES;
  }

  /** The next bytes of the direction. */
  read(buf: Uint8Array, at: number, end: number): void {
    let pos = at;
    while (pos < end) {
      if (this.#mode === Mode.Fragment) {
        const n = Math.min(this.#left, end - pos);
        this.#fragment(buf, pos, pos + n);
        pos += n;
        this.#left -= n;
        if (this.#left === 0) this.#mode = Mode.Header;
      } else if (this.#mode === Mode.Header) {
        pos = this.#readHeader(buf, pos, end);
      } else {
        pos = this.#hunt(buf, pos, end);
        if (pos < 0) return;
      }
    }
  }

  /** `missing` bytes of the direction will not come. */
  gap(missing: number): void {
    if (this.#mode === Mode.Fragment) {
      const n = Math.min(this.#left, missing);
      this.#isFresh = false;
      if (this.#type === ContentType.Handshake && !this.isEncrypted) this.#loseFragment(n);
      this.#left -= n;
      if (this.#left === 0) this.#mode = Mode.Header;
      if (missing === n) return;
    }
    // Whole records are gone, and with them the boundaries.
    this.#loseMessage();
    this.#headerHave = 0;
    this.#mode = Mode.Hunt;
  }

  /** Gives back what was borrowed; the reader is not used after this. */
  close(): void {
    if (this.#message !== null) this.#buffers.give(this.#message);
    this.#message = null;
  }

  #readHeader(buf: Uint8Array, at: number, end: number): number {
    if (this.#headerHave === 0 && end - at >= 5) {
      this.#beginRecord(buf[at]!, buf[at + 1]!, buf[at + 2]!, (buf[at + 3]! << 8) | buf[at + 4]!);
      return this.#mode === Mode.Hunt ? at : at + 5;
    }
    const byte = buf[at]!;
    switch (this.#headerHave++) {
      case 0:
        this.#header0 = byte;
        break;
      case 1:
        this.#header1 = byte;
        break;
      case 2:
        this.#header2 = byte;
        break;
      case 3:
        this.#header3 = byte;
        break;
      default:
        this.#headerHave = 0;
        this.#beginRecord(this.#header0, this.#header1, this.#header2, (this.#header3 << 8) | byte);
    }
    return at + 1;
  }

  #beginRecord(type: number, major: number, minor: number, length: number): void {
    if (!isRecordType(type) || major !== 3 || minor > 4 || length > MAX_RECORD_BYTES) {
      this.#handler.onBadRecord(this.#side);
      this.#loseMessage();
      this.#mode = Mode.Hunt;
      return;
    }
    this.#type = type;
    this.#left = length;
    this.#isFresh = true;
    this.#alertLevel = -1;
    this.#mode = length > 0 ? Mode.Fragment : Mode.Header;
    this.#handler.onRecord(this.#side, type, length);
  }

  #fragment(buf: Uint8Array, at: number, end: number): void {
    if (this.#type === ContentType.Handshake) {
      if (!this.isEncrypted) this.#handshake(buf, at, end);
    } else if (this.#type === ContentType.Alert && !this.isEncrypted) this.#alert(buf, at, end);
  }

  #alert(buf: Uint8Array, at: number, end: number): void {
    for (let i = at; i < end; i++) {
      if (this.#alertLevel < 0) this.#alertLevel = buf[i]!;
      else {
        this.#handler.onAlert(this.#side, this.#alertLevel, buf[i]!);
        this.#alertLevel = -1;
      }
    }
  }

  #handshake(buf: Uint8Array, from: number, end: number): void {
    let at = from;
    if (this.#isFresh) {
      if (this.isDoubtful && this.#skip === 0 && (this.#message === null || this.#isUnjudged)) {
        at = this.#judge(buf, at, end);
        if (this.#isUnjudged) return;
      }
      this.#isFresh = false;
      if (this.#isAdrift && looksLikeMessage(buf, at, end, this.#left)) this.#isAdrift = false;
    }
    while (at < end && !this.#isAdrift && !this.isEncrypted) {
      if (this.#skip > 0) {
        const n = Math.min(this.#skip, end - at);
        this.#skip -= n;
        at += n;
      } else if (this.#message !== null) {
        at = this.#continueMessage(buf, at, end);
      } else if (end - at >= 4) {
        const type = buf[at]!;
        const size = 4 + ((buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!);
        if (size <= end - at) {
          this.#handler.onMessage(this.#side, type, buf, at + 4, at + size);
          at += size;
        } else at = this.#beginMessage(buf, at, end, type, size);
      } else {
        this.#message = this.#buffers.take(4);
        this.#need = 0;
        this.#have = end - at;
        this.#message.set(buf.subarray(at, end));
        at = end;
      }
    }
  }

  /**
   * Says whether a doubtful record is encrypted: it is unless it begins with a hello. A beginning in pieces is gathered; until it is
   * whole, `#isUnjudged` stays set. Returns where reading goes on.
   */
  #judge(buf: Uint8Array, from: number, end: number): number {
    const first = this.#message === null ? buf[from] : this.#message[0];
    if (first !== HandshakeType.ClientHello && first !== HandshakeType.ServerHello) {
      this.isEncrypted = true;
      return from;
    }
    const isLast = end - from === this.#left;
    if (this.#message === null && (isLast || end - from >= JUDGED_BYTES)) {
      this.isEncrypted = !looksLikeMessage(buf, from, end, this.#left);
      return from;
    }
    let at = from;
    this.#message ??= this.#buffers.take(JUDGED_BYTES);
    while (this.#have < JUDGED_BYTES && at < end) this.#message[this.#have++] = buf[at++]!;
    this.#isUnjudged = this.#have < JUDGED_BYTES && !isLast;
    if (this.#isUnjudged || looksLikeMessage(this.#message, 0, this.#have, this.#have)) return at;
    this.isEncrypted = true;
    this.#dropMessage();
    return at;
  }

  /** The first part of a message whose header is whole. */
  #beginMessage(buf: Uint8Array, at: number, end: number, type: number, size: number): number {
    if (size - 4 > capOf(type)) {
      this.#handler.onLostMessage(this.#side, type);
      this.#skip = size;
      return at;
    }
    // Room grows as bytes arrive: a length is only a claim.
    this.#message = this.#buffers.take(Math.min(size, end - at));
    this.#message.set(buf.subarray(at, end));
    this.#have = end - at;
    this.#need = size;
    return end;
  }

  #continueMessage(buf: Uint8Array, from: number, end: number): number {
    let at = from;
    let message = this.#message!;
    if (this.#need === 0) {
      while (this.#have < 4 && at < end) message[this.#have++] = buf[at++]!;
      if (this.#have < 4) return at;
      const type = message[0]!;
      this.#need = 4 + ((message[1]! << 16) | (message[2]! << 8) | message[3]!);
      if (this.#need - 4 > capOf(type)) {
        this.#handler.onLostMessage(this.#side, type);
        this.#skip = this.#need - 4;
        this.#dropMessage();
        return at;
      }
    }
    const n = Math.min(this.#need - this.#have, end - at);
    if (this.#have + n > message.length) {
      message = this.#buffers.grow(message, this.#have, Math.min(this.#need, this.#have + n));
      this.#message = message;
    }
    message.set(buf.subarray(at, at + n), this.#have);
    this.#have += n;
    at += n;
    if (this.#have === this.#need) {
      const size = this.#need;
      this.#message = null;
      this.#have = 0;
      this.#need = 0;
      this.#handler.onMessage(this.#side, message[0]!, message, 4, size);
      this.#buffers.give(message);
    }
    return at;
  }

  /** `n` bytes of a readable handshake fragment are missing. */
  #loseFragment(n: number): void {
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, n);
      this.#skip -= skipped;
      if (skipped < n) this.#isAdrift = true;
      return;
    }
    if (this.#message !== null && this.#need > 0) {
      const rest = this.#need - this.#have;
      this.#handler.onLostMessage(this.#side, this.#message[0]!);
      this.#dropMessage();
      if (n <= rest) this.#skip = rest - n;
      else this.#isAdrift = true;
      return;
    }
    this.#handler.onLostMessage(this.#side, this.pendingType);
    this.#dropMessage();
    this.#isAdrift = true;
  }

  #loseMessage(): void {
    if (this.#message !== null) this.#handler.onLostMessage(this.#side, this.pendingType);
    this.#dropMessage();
    this.#skip = 0;
    this.#isAdrift = false;
  }

  #dropMessage(): void {
    if (this.#message !== null) this.#buffers.give(this.#message);
    this.#message = null;
    this.#have = 0;
    this.#need = 0;
    this.#isUnjudged = false;
  }

  /** Looks for a believable record in the bytes at hand: its offset, or -1. */
  #hunt(buf: Uint8Array, at: number, end: number): number {
    this.#hunted += end - at;
    for (let pos = at; pos + 6 <= end; pos++) {
      if (buf[pos + 1] === 3 && looksLikeRecord(buf, pos, end)) {
        this.#mode = Mode.Header;
        this.#headerHave = 0;
        return pos;
      }
    }
    return -1;
  }
}

function capOf(type: number): number {
  return type === HandshakeType.Certificate ? MAX_CERTIFICATE_BYTES : MAX_MESSAGE_BYTES;
}
