/**
 * One TLS connection: both directions' bytes in, the facts of its handshake out.
 *
 *     bytes ─> RecordReader of a ─┐
 *     bytes ─> RecordReader of b ─┴─> messages ─> Handshake
 *
 * The session knows when it has heard all it will hear: both Finished up to TLS 1.2; in TLS 1.3 the client's first encrypted
 * record after the server's flight; a fatal alert. Until then it waits, and what it has can be taken at any time.
 *
 * Who is the client is decided by who sends the ClientHello, not by who opened the connection (of FTP's data connections
 * the server is often the TLS client). RFC 5246, RFC 8446 and its drafts, RFC 6101, draft-hickman-netscape-ssl-00.
 */
import { Cursor } from '../bytes/cursor.ts';
import { parseCertificateRequest } from './certificate-request.ts';
import { parseCertificateStatus } from './certificate-status.ts';
import { parseClientHello } from './client-hello.ts';
import { CertVisibility, Handshake } from './handshake.ts';
import type { HelloShapeCache } from './hello-shape-cache.ts';
import { MAX_ENCRYPTED_BYTES, MAX_HISTORY } from './limits.ts';
import type { MessageBuffers } from './message-buffers.ts';
import { ContentType, MessageType, type ReaderSide, type RecordHandler, RecordReader } from './record-reader.ts';
import { parseServerHello } from './server-hello.ts';
import { parseServerKeyExchange } from './server-key-exchange.ts';
import { parseSessionTicket } from './session-ticket.ts';
import { parseSslv2ClientHello } from './sslv2-client-hello.ts';
import { Sslv2Framer } from './sslv2-framer.ts';
import { parseSslv2ClientMasterKey, parseSslv2ServerHello } from './sslv2-server-hello.ts';

/** What a session borrows from its owner. */
export interface SessionContext<C> {
  readonly shapes: HelloShapeCache;
  readonly buffers: MessageBuffers;
  /** What the owner makes of the body of a Certificate message as sent up to TLS 1.2; the bytes are borrowed. */
  readonly readCertificates: (buf: Uint8Array, at: number, end: number) => C | null;
  /** The same for one bare certificate, as SSL 2 sends it. */
  readonly readBareCertificate: (buf: Uint8Array, at: number, end: number) => C | null;
}

/** How the next bytes of a direction are framed; asked anew after a record in SSL 2 framing. */
const Framing = { Unknown: 0, Tls: 1, Sslv2: 2 } as const;
type Framing = (typeof Framing)[keyof typeof Framing];

const TLS13 = 0x0304;

/** The letters of `Handshake.history` by message type, as the server's. */
const MESSAGE_LETTERS: Readonly<Record<number, string>> = {
  0: 'h',
  1: 'c',
  2: 's',
  3: 'v',
  4: 't',
  5: 'e',
  8: 'o',
  11: 'x',
  12: 'k',
  13: 'r',
  14: 'n',
  15: 'y',
  16: 'g',
  20: 'f',
  21: 'w',
  22: 'u',
  23: 'a',
  24: 'p',
  254: 'm',
};

/** A TLS 1.3 Finished with the shortest hash and tag: 4 + 32 + 1 + 8. A shorter encrypted record is an alert. */
const MIN_ENCRYPTED_FINISHED = 45;

/** The first server message in SSL 2, and the client's second. */
const SSLV2_CLIENT_HELLO = 1;
const SSLV2_CLIENT_MASTER_KEY = 2;
const SSLV2_SERVER_HELLO = 4;

/** Sessions are read one message at a time, so one cursor serves them all. */
const cursor = new Cursor();

export class TlsSession<C> implements RecordHandler {
  readonly handshake: Handshake<C> = new Handshake<C>();
  /** The side that is the TLS client, -1 until a hello said so. */
  clientSide: ReaderSide | -1 = -1;
  /** All that matters was heard. */
  isFinished = false;

  readonly #context: SessionContext<C>;
  readonly #readerA: RecordReader;
  readonly #readerB: RecordReader;
  #framerA: Sslv2Framer | null = null;
  #framerB: Sslv2Framer | null = null;
  #framingA: Framing = Framing.Unknown;
  #framingB: Framing = Framing.Unknown;
  #nowUs = 0;
  /** Bits of side: sent ChangeCipherSpec; sent an encrypted record after it (TLS 1.3: after the server's hello). */
  #changed = 0;
  #spoke = 0;
  #encryptedBytes = 0;
  #sawServerHelloDone = false;
  #sawCertificateMessage = false;
  #isCertificateLost = false;
  #isSnapped = false;
  #isOverCap = false;

  constructor(context: SessionContext<C>) {
    this.#context = context;
    this.#readerA = new RecordReader(0, this, context.buffers);
    this.#readerB = new RecordReader(1, this, context.buffers);
  }

  /** Something was seen that is worth an event. */
  get hasHello(): boolean {
    const seen = this.handshake;
    return seen.clientHello !== null || seen.serverHello !== null || seen.serverCertificates !== null;
  }

  /** The next bytes of a direction, in order. Borrowed. */
  read(side: ReaderSide, buf: Uint8Array, from: number, end: number, nowUs: number): void {
    this.#nowUs = nowUs;
    const reader = side === 0 ? this.#readerA : this.#readerB;
    if ((side === 0 ? this.#framingA : this.#framingB) === Framing.Tls) reader.read(buf, from, end);
    else this.#readUnknown(side, reader, buf, from, end);
    if (reader.isHopeless) this.isFinished = true;
  }

  /** `missing` bytes of a direction will not come: lost, or cut off by the snap length. */
  gap(side: ReaderSide, missing: number, isSnapped: boolean, nowUs: number): void {
    this.#nowUs = nowUs;
    const seen = this.handshake;
    if (isSnapped) this.#isSnapped = true;
    if (side === this.clientSide) seen.lostClientBytes += missing;
    else seen.lostServerBytes += missing;
    if (side === 0) this.#framingA = Framing.Tls;
    else this.#framingB = Framing.Tls;
    (side === 0 ? this.#readerA : this.#readerB).gap(missing);
  }

  /** Takes the conclusions and gives back what was borrowed. Call once, when the session is over. */
  close(): Handshake<C> {
    const seen = this.handshake;
    const server = this.clientSide === 1 ? this.#readerA : this.#readerB;
    if (server.pendingType === MessageType.Certificate) this.#isCertificateLost = true;
    seen.certVisibility = this.#visibility();
    this.#readerA.close();
    this.#readerB.close();
    this.#framerA?.release();
    this.#framerB?.release();
    return seen;
  }

  #readUnknown(side: ReaderSide, reader: RecordReader, buf: Uint8Array, from: number, end: number): void {
    let at = from;
    while (at < end && !this.isFinished) {
      const framing = side === 0 ? this.#framingA : this.#framingB;
      if (framing === Framing.Tls) {
        reader.read(buf, at, end);
        return;
      }
      if (framing === Framing.Unknown) {
        const next = (buf[at]! & 0x80) === 0 ? Framing.Tls : Framing.Sslv2;
        if (side === 0) this.#framingA = next;
        else this.#framingB = next;
        continue;
      }
      const framer = this.#framerOf(side);
      at = framer.read(buf, at, end);
      if (framer.record === null) return;
      this.#onSslv2Record(side, framer.record);
      framer.release();
      if (side === 0) this.#framingA = Framing.Unknown;
      else this.#framingB = Framing.Unknown;
    }
  }

  #framerOf(side: ReaderSide): Sslv2Framer {
    if (side === 0) {
      this.#framerA ??= new Sslv2Framer(this.#context.buffers);
      return this.#framerA;
    }
    this.#framerB ??= new Sslv2Framer(this.#context.buffers);
    return this.#framerB;
  }

  onMessage(side: ReaderSide, type: number, buf: Uint8Array, at: number, end: number): void {
    if (this.isFinished) return;
    const c = cursor.reset(buf, at, end);
    switch (type) {
      case 1:
        this.#onClientHello(side, c);
        break;
      case 2:
        this.#onServerHello(side, c);
        return;
      case 4:
        this.handshake.sessionTicket = parseSessionTicket(c, false);
        break;
      case MessageType.Certificate:
        this.#onCertificate(side, buf, at, end);
        break;
      case 12:
        this.handshake.keyExchangeGroup = parseServerKeyExchange(c);
        break;
      case 13:
        this.handshake.certificateRequest = parseCertificateRequest(c, this.handshake.serverHello?.version ?? 0);
        break;
      case 14:
        this.#sawServerHelloDone = true;
        break;
      case 22:
        this.handshake.ocspStapleBytes = parseCertificateStatus(c);
        break;
      default:
    }
    this.#log(side, MESSAGE_LETTERS[type] ?? 'q');
  }

  onLostMessage(side: ReaderSide, type: number): void {
    if (type === MessageType.Certificate && side !== this.clientSide) this.#isCertificateLost = true;
    const isGap = this.handshake.lostClientBytes + this.handshake.lostServerBytes > 0;
    if (!isGap) {
      if (type === MessageType.Certificate && side !== this.clientSide) this.#isOverCap = true;
      this.#fault('message_over_cap');
    }
  }

  onRecord(side: ReaderSide, type: number, length: number): void {
    if (this.isFinished) return;
    const seen = this.handshake;
    const bit = 1 << side;
    switch (type) {
      case ContentType.ChangeCipherSpec:
        this.#log(side, 'i');
        this.#onChangeCipherSpec(side);
        return;
      case ContentType.Handshake:
        if (this.#readerOf(side).isEncrypted) {
          if ((this.#spoke & bit) === 0) this.#log(side, 'f');
          this.#onEncrypted(side, length, true);
        } else if ((this.#changed & bit) !== 0 && seen.serverHello === null) {
          // Only this side is in the capture. Up to TLS 1.2 its Finished is encrypted from here on.
          this.#readerOf(side).isEncrypted = side === this.clientSide && seen.helloRetryRequest === null;
        }
        return;
      case ContentType.ApplicationData:
        if (!seen.history.endsWith(side === this.clientSide ? 'D' : 'd')) this.#log(side, 'd');
        this.#onEncrypted(side, length, false);
        return;
      case ContentType.Heartbeat:
        this.#log(side, 'b');
        return;
      default:
        if (this.#readerOf(side).isEncrypted) this.#log(side, 'l');
    }
  }

  onAlert(side: ReaderSide, level: number, description: number): void {
    if (this.isFinished) return;
    this.#log(side, 'l');
    const seen = this.handshake;
    const isFatal = level === 2;
    if (isFatal || (seen.alert === null && description !== 0)) {
      seen.alert = { fromClient: side === this.clientSide, level, description };
    }
    if (isFatal && this.hasHello) this.isFinished = true;
  }

  onBadRecord(): void {
    this.#fault('bad_record');
  }

  #onClientHello(side: ReaderSide, c: Cursor): void {
    const seen = this.handshake;
    const hello = parseClientHello(c, this.#context.shapes, 't');
    if (hello.fault !== '') this.#fault(`client_hello_${hello.fault}`);
    if (seen.clientHello === null) {
      if (hello.shape.cipherSuites.length === 0) return;
      seen.clientHello = hello;
      seen.clientHelloUs = this.#nowUs;
      this.#setClient(side);
    } else if (side === this.clientSide) seen.secondClientHello ??= hello;
    else this.#fault('hello_from_both_sides');
  }

  #onServerHello(side: ReaderSide, c: Cursor): void {
    const seen = this.handshake;
    const hello = parseServerHello(c);
    if (hello.fault !== '') this.#fault(`server_hello_${hello.fault}`);
    if (this.clientSide === -1) this.#setClient(side === 0 ? 1 : 0);
    this.#log(side, hello.isHelloRetryRequest ? 'j' : 's');
    if (hello.isHelloRetryRequest) {
      seen.helloRetryRequest ??= hello;
      return;
    }
    if (seen.serverHello !== null) {
      this.#fault('second_server_hello');
      return;
    }
    seen.serverHello = hello;
    seen.serverHelloUs = this.#nowUs;
    if (isTls13(hello.version)) {
      if (hello.pskIndex >= 0) seen.resumption = 'psk';
      this.#readerOf(side).isEncrypted = true;
      this.#readerOf(side === 0 ? 1 : 0).isEncrypted = true;
    }
  }

  #onCertificate(side: ReaderSide, buf: Uint8Array, at: number, end: number): void {
    const seen = this.handshake;
    const certificates = this.#context.readCertificates(buf, at, end);
    if (side === this.clientSide) seen.clientCertificates ??= certificates;
    else {
      this.#sawCertificateMessage = true;
      seen.serverCertificates ??= certificates;
    }
  }

  #onChangeCipherSpec(side: ReaderSide): void {
    const seen = this.handshake;
    this.#changed |= 1 << side;
    if (seen.serverHello === null || isTls13(seen.serverHello.version)) return;
    this.#readerOf(side).isEncrypted = true;
    const isAbbreviated = side !== this.clientSide && !this.#sawServerHelloDone && !this.#sawCertificateMessage;
    if (isAbbreviated && !this.#isCertificateLost && seen.lostServerBytes === 0) {
      const ticketLen = seen.clientHello?.ticketLen ?? -1;
      const hasId = seen.serverHello.sessionId.length > 0;
      seen.resumption = ticketLen > 0 || !hasId ? 'ticket' : 'session_id';
    }
  }

  /** A record that can't be read: the Finished up to TLS 1.2, anything in TLS 1.3, application data. */
  #onEncrypted(side: ReaderSide, length: number, isHandshake: boolean): void {
    const seen = this.handshake;
    const isClient = side === this.clientSide;
    this.#encryptedBytes += length;
    const server = seen.serverHello;
    if (server !== null && isTls13(server.version)) {
      if (!isClient) {
        if ((this.#spoke & (1 << side)) === 0 || this.#spoke === 1 << side) seen.encryptedServerFlightBytes += length;
        this.#spoke |= 1 << side;
      } else if ((this.#spoke & ~(1 << side)) !== 0) {
        // Early data may come before this; a Finished comes only after the server's flight.
        seen.isEstablished = length >= MIN_ENCRYPTED_FINISHED;
        this.isFinished = true;
      }
    } else if (server !== null || !isHandshake) {
      if (server === null && seen.clientHello !== null && this.#changed === 0) return;
      this.#spoke |= 1 << side;
      if (this.#spoke === 3 && (this.#changed === 3 || !isHandshake)) {
        seen.isEstablished = true;
        this.isFinished = true;
      }
    }
    if (this.#encryptedBytes > MAX_ENCRYPTED_BYTES) this.isFinished = true;
  }

  #onSslv2Record(side: ReaderSide, record: Uint8Array): void {
    const seen = this.handshake;
    const type = record[2] ?? 0;
    const c = cursor.reset(record, 2, record.length);
    this.#touch();
    if (type === SSLV2_CLIENT_HELLO && seen.clientHello === null) {
      const hello = parseSslv2ClientHello(c);
      if (hello.fault !== '') this.#fault(`client_hello_${hello.fault}`);
      if (hello.shape.cipherSuites.length === 0) return;
      seen.clientHello = hello;
      seen.clientHelloUs = this.#nowUs;
      this.#setClient(side);
      this.#log(side, 'c');
    } else if (type === SSLV2_SERVER_HELLO && seen.serverHello === null) {
      const { hello, certificateAt, certificateEnd } = parseSslv2ServerHello(c);
      if (hello.fault !== '') this.#fault(`server_hello_${hello.fault}`);
      seen.protocol = 'sslv2';
      seen.serverHello = hello;
      seen.serverHelloUs = this.#nowUs;
      if (this.clientSide === -1) this.#setClient(side === 0 ? 1 : 0);
      if (certificateEnd > certificateAt) {
        seen.serverCertificates = this.#context.readBareCertificate(record, certificateAt, certificateEnd);
      }
      this.#log(side, 's');
    } else if (type === SSLV2_CLIENT_MASTER_KEY && seen.protocol === 'sslv2' && seen.serverHello !== null) {
      seen.serverHello = { ...seen.serverHello, cipherSuite: parseSslv2ClientMasterKey(c) };
      this.#log(side, 'g');
      this.#changed = 3;
    } else if (this.#changed === 3 && side !== this.clientSide) {
      seen.isEstablished = true;
      this.isFinished = true;
    }
  }

  #visibility(): CertVisibility {
    const seen = this.handshake;
    if (seen.serverCertificates !== null) return CertVisibility.Clear;
    if (this.#isOverCap) return CertVisibility.Truncated;
    const isMissing = this.#isSnapped ? CertVisibility.Truncated : CertVisibility.Lost;
    if (this.#isCertificateLost) return isMissing;
    if (seen.resumption !== 'none') return CertVisibility.Resumed;
    if (seen.serverHello !== null && isTls13(seen.serverHello.version)) return CertVisibility.EncryptedTls13;
    if (seen.lostServerBytes > 0) return isMissing;
    return CertVisibility.None;
  }

  #setClient(side: ReaderSide): void {
    if (this.clientSide === side) return;
    const seen = this.handshake;
    if (this.clientSide !== -1 || side === 1) {
      // What was counted or logged before the direction was known changes sides.
      const lost = seen.lostClientBytes;
      if (this.clientSide !== -1) {
        seen.lostClientBytes = seen.lostServerBytes;
        seen.lostServerBytes = lost;
      }
    }
    this.clientSide = side;
  }

  #readerOf(side: ReaderSide): RecordReader {
    return side === 0 ? this.#readerA : this.#readerB;
  }

  #log(side: ReaderSide, letter: string): void {
    this.#touch();
    const seen = this.handshake;
    if (seen.history.length < MAX_HISTORY) {
      seen.history += side === this.clientSide ? letter.toUpperCase() : letter;
    }
  }

  #touch(): void {
    const seen = this.handshake;
    if (seen.firstUs < 0) seen.firstUs = this.#nowUs;
    seen.lastUs = this.#nowUs;
  }

  #fault(name: string): void {
    if (!this.handshake.faults.includes(name)) this.handshake.faults.push(name);
  }
}

/** TLS 1.3, or one of its drafts: what follows the ServerHello is encrypted. */
function isTls13(version: number): boolean {
  return version === TLS13 || version >>> 8 === 0x7f || version >>> 8 === 0xfb;
}
