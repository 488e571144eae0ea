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
import { Cursor, EMPTY_BYTES } from '../bytes/cursor.ts';
import { parseCertificateRequest } from './certificate-request.ts';
import { parseCertificateStatus } from './certificate-status.ts';
import { parseClientHello } from './client-hello.ts';
import { CertVisibility, Handshake } from './handshake.ts';
import type { HelloShapeCache } from './hello-shape-cache.ts';
import { isTls13 } from './is-tls13.ts';
import { MAX_ENCRYPTED_BYTES, MAX_HISTORY, MAX_SESSION_BYTES } from './limits.ts';
import type { MessageBuffers } from './message-buffers.ts';
import { type ReaderSide, type RecordHandler, RecordReader } from './record-reader.ts';
import { ContentType } from './registry/generated/content-types.ts';
import { HandshakeType } from './registry/generated/handshake-types.ts';
import { parseDraftHelloRetryRequest, parseServerHello, type ServerHello } from './server-hello.ts';
import { parseServerKeyExchange } from './server-key-exchange.ts';
import { parseSessionTicket } from './session-ticket.ts';
import { parseSslv2ClientHello, Sslv2MessageType } from './sslv2-client-hello.ts';
import { parseSslv2ClientMasterKey } from './sslv2-client-master-key.ts';
import { Sslv2Framer } from './sslv2-framer.ts';
import { parseSslv2ServerHello } from './sslv2-server-hello.ts';

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

/** The letters of `Handshake.history` by message type, as the server's. */
const MESSAGE_LETTERS: Readonly<Record<number, string>> = {
  [HandshakeType.HelloRequest]: 'h',
  [HandshakeType.ClientHello]: 'c',
  [HandshakeType.ServerHello]: 's',
  [HandshakeType.HelloVerifyRequest]: 'v',
  [HandshakeType.NewSessionTicket]: 't',
  [HandshakeType.EndOfEarlyData]: 'e',
  [HandshakeType.EncryptedExtensions]: 'o',
  [HandshakeType.Certificate]: 'x',
  [HandshakeType.ServerKeyExchange]: 'k',
  [HandshakeType.CertificateRequest]: 'r',
  [HandshakeType.ServerHelloDone]: 'n',
  [HandshakeType.CertificateVerify]: 'y',
  [HandshakeType.ClientKeyExchange]: 'g',
  [HandshakeType.Finished]: 'f',
  [HandshakeType.CertificateUrl]: 'w',
  [HandshakeType.CertificateStatus]: 'u',
  [HandshakeType.SupplementalData]: 'a',
  [HandshakeType.KeyUpdate]: 'p',
  [HandshakeType.MessageHash]: 'm',
};

/** A TLS 1.3 Finished with the shortest hash and tag: 4 + 32 + 1 + 8. */
const MIN_ENCRYPTED_FINISHED = 45;
/** An alert with the longest tag: 2 + 1 + 16. What is between the two is an empty Certificate; the Finished follows it. */
const MAX_ENCRYPTED_ALERT = 19;

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
  #readBytes = 0;
  #sawServerHelloDone = false;
  #sawCertificateMessage = false;
  #isCertificateLost = false;
  #hasBadRecord = false;
  #lostA = 0;
  #lostB = 0;
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

  /** What came is no TLS after all: the bytes that looked like it were something else. */
  get isMistaken(): boolean {
    return !this.hasHello && this.#hasBadRecord;
  }

  /** Something came that is no record. */
  get hasBadRecord(): boolean {
    return this.#hasBadRecord;
  }

  /** The next bytes of a direction, in order. Borrowed. */
  read(side: ReaderSide, buf: Uint8Array, from: number, end: number, nowUs: number): void {
    this.#nowUs = nowUs;
    this.#readBytes += end - from;
    if (this.#readBytes > MAX_SESSION_BYTES) this.isFinished = true;
    if (this.#isSslv2Secret(side)) return;
    const reader = side === 0 ? this.#readerA : this.#readerB;
    if ((side === 0 ? this.#framingA : this.#framingB) === Framing.Tls) reader.read(buf, from, end);
    else this.#readUnknown(side, reader, buf, from, end);
    if (reader.isHopeless) this.isFinished = true;
  }

  /** `missing` bytes of a direction will not come: lost, or cut off by the snap length. */
  gap(side: ReaderSide, missing: number, isSnapped: boolean, nowUs: number): void {
    this.#nowUs = nowUs;
    if (isSnapped) this.#isSnapped = true;
    if (side === 0) this.#lostA += missing;
    else this.#lostB += missing;
    if (side === 0) this.#framingA = Framing.Tls;
    else this.#framingB = Framing.Tls;
    (side === 0 ? this.#readerA : this.#readerB).gap(missing);
  }

  /** Takes the conclusions and gives back what was borrowed. Call once, when the session is over. */
  close(): Handshake<C> {
    const seen = this.handshake;
    const server = this.clientSide === 1 ? this.#readerA : this.#readerB;
    if (server.pendingType === HandshakeType.Certificate) this.#isCertificateLost = true;
    seen.lostClientBytes = this.clientSide === 1 ? this.#lostB : this.#lostA;
    seen.lostServerBytes = this.clientSide === 1 ? this.#lostA : this.#lostB;
    seen.certVisibility = this.#visibility(seen.lostServerBytes > 0);
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

  /** SSL 2 encrypts all that follows the client's key; that the server goes on says that it took it. */
  #isSslv2Secret(side: ReaderSide): boolean {
    if (this.handshake.protocol !== 'sslv2' || this.#changed !== 3) return false;
    if (side !== this.clientSide) {
      this.handshake.isEstablished = true;
      this.isFinished = true;
    }
    return true;
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
      case HandshakeType.ClientHello:
        this.#onClientHello(side, c);
        break;
      case HandshakeType.ServerHello:
        this.#onServerHello(side, parseServerHello(c));
        return;
      case HandshakeType.HelloRetryRequest:
        this.#onServerHello(side, parseDraftHelloRetryRequest(c));
        return;
      case HandshakeType.NewSessionTicket:
        this.handshake.sessionTicket = parseSessionTicket(c, false);
        break;
      case HandshakeType.Certificate:
        this.#onCertificate(side, buf, at, end);
        break;
      case HandshakeType.ServerKeyExchange:
        this.#onServerKeyExchange(c);
        break;
      case HandshakeType.CertificateRequest:
        this.handshake.certificateRequest = parseCertificateRequest(c, this.handshake.serverHello?.version ?? 0);
        break;
      case HandshakeType.ServerHelloDone:
        this.#sawServerHelloDone = true;
        break;
      case HandshakeType.CertificateStatus:
        this.handshake.ocspStapleBytes = parseCertificateStatus(c).responseBytes;
        break;
      default:
    }
    this.#log(side, MESSAGE_LETTERS[type] ?? 'q');
  }

  onLostMessage(side: ReaderSide, type: number): void {
    if (this.isFinished) return;
    if (type === HandshakeType.Certificate && side !== this.clientSide) this.#isCertificateLost = true;
    if (this.#lostA + this.#lostB === 0 && !this.#hasBadRecord) {
      if (type === HandshakeType.Certificate && side !== this.clientSide) this.#isOverCap = true;
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
    if (this.isFinished) return;
    this.#hasBadRecord = true;
    this.#fault('bad_record');
  }

  #onClientHello(side: ReaderSide, c: Cursor): void {
    const seen = this.handshake;
    const hello = parseClientHello(c, 't', this.#context.shapes);
    if (hello.fault !== '') this.#fault(`client_hello_${hello.fault}`);
    if (seen.clientHello === null) {
      if (hello.random.length === 0) return;
      if (this.clientSide !== -1 && side !== this.clientSide) {
        this.#fault('hello_from_both_sides');
        return;
      }
      seen.clientHello = hello;
      seen.clientHelloUs = this.#nowUs;
      this.clientSide = side;
    } else if (side === this.clientSide) seen.secondClientHello ??= hello;
    else this.#fault('hello_from_both_sides');
  }

  #onServerHello(side: ReaderSide, hello: ServerHello): void {
    const seen = this.handshake;
    if (hello.fault !== '') this.#fault(`server_hello_${hello.fault}`);
    if (this.clientSide === -1) this.clientSide = side === 0 ? 1 : 0;
    this.#log(side, hello.isHelloRetryRequest ? 'j' : 's');
    if (side === this.clientSide) {
      this.#fault('server_hello_from_client');
      return;
    }
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
    // What TLS 1.3 encrypts says that it is application data, so what says handshake or alert is readable (RFC 8446 5.2).
    if (isTls13(hello.version) && hello.pskIndex >= 0) seen.resumption = 'psk';
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

  #onServerKeyExchange(c: Cursor): void {
    const suite = this.handshake.serverHello?.cipherSuite;
    if (suite !== undefined) this.handshake.keyExchangeGroup = parseServerKeyExchange(c, suite).group;
  }

  #onChangeCipherSpec(side: ReaderSide): void {
    const seen = this.handshake;
    this.#changed |= 1 << side;
    if (seen.serverHello === null) {
      // The other side is not in the capture, or late. Up to TLS 1.2 this is the end of what is readable; in TLS 1.3 a
      // hello may follow.
      this.#readerOf(side).isDoubtful = true;
      return;
    }
    if (isTls13(seen.serverHello.version)) return;
    this.#readerOf(side).isEncrypted = true;
    const isAbbreviated = side !== this.clientSide && !this.#sawServerHelloDone && !this.#sawCertificateMessage;
    if (isAbbreviated && !this.#isCertificateLost && (side === 0 ? this.#lostA : this.#lostB) === 0) {
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
        seen.encryptedServerFlightBytes += length;
        this.#spoke |= 1 << side;
      } else if ((this.#spoke & ~(1 << side)) !== 0) {
        // Early data may come before this; a Finished comes only after the server's flight.
        seen.isEstablished = length >= MIN_ENCRYPTED_FINISHED;
        this.isFinished = seen.isEstablished || length <= MAX_ENCRYPTED_ALERT;
      }
    } else if (server !== null || (!isHandshake && (seen.clientHello === null || this.#changed !== 0))) {
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
    if (type === Sslv2MessageType.ClientHello && seen.clientHello === null) {
      const hello = parseSslv2ClientHello(c);
      if (hello.fault !== '') this.#fault(`client_hello_${hello.fault}`);
      if (hello.shape.cipherSuites.length === 0) return;
      seen.clientHello = hello;
      seen.clientHelloUs = this.#nowUs;
      this.clientSide = side;
      this.#log(side, 'c');
    } else if (type === Sslv2MessageType.ServerHello && seen.serverHello === null) {
      const { certificateAt, certificateEnd, ...hello } = parseSslv2ServerHello(c);
      if (hello.fault !== '') this.#fault(`server_hello_${hello.fault}`);
      seen.protocol = 'sslv2';
      seen.serverHello = toServerHello(hello.version);
      seen.serverHelloUs = this.#nowUs;
      if (this.clientSide === -1) this.clientSide = side === 0 ? 1 : 0;
      if (certificateEnd > certificateAt) {
        seen.serverCertificates = this.#context.readBareCertificate(record, certificateAt, certificateEnd);
      }
      this.#log(side, 's');
    } else if (type === Sslv2MessageType.ClientMasterKey && seen.protocol === 'sslv2' && seen.serverHello !== null) {
      seen.serverHello = { ...seen.serverHello, cipherSuite: parseSslv2ClientMasterKey(c).cipherSuite };
      this.#log(side, 'g');
      this.#changed = 3;
    }
  }

  #visibility(isServerGap: boolean): CertVisibility {
    const seen = this.handshake;
    if (seen.serverCertificates !== null) return CertVisibility.Clear;
    if (this.#isOverCap) return CertVisibility.Truncated;
    const isMissing = this.#isSnapped ? CertVisibility.Truncated : CertVisibility.Lost;
    if (this.#isCertificateLost) return isMissing;
    if (seen.resumption !== 'none') return CertVisibility.Resumed;
    if (seen.serverHello !== null && isTls13(seen.serverHello.version)) return CertVisibility.EncryptedTls13;
    if (isServerGap) return isMissing;
    return CertVisibility.None;
  }

  #readerOf(side: ReaderSide): RecordReader {
    return side === 0 ? this.#readerA : this.#readerB;
  }

  #log(side: ReaderSide, letter: string): void {
    this.#touch();
    const seen = this.handshake;
    if (seen.history.length < MAX_HISTORY) {
      seen.history += side === this.clientSide ? letter.toUpperCase() : letter;
    } else this.isFinished = true;
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

/** What SSL 2 agreed on, in the form of its successors. The client chooses the suite, later: until then it is -1. */
function toServerHello(version: number): ServerHello {
  return {
    legacyVersion: version,
    version,
    random: EMPTY_BYTES,
    sessionId: EMPTY_BYTES,
    cipherSuite: -1,
    compressionMethod: 0,
    isHelloRetryRequest: false,
    extensions: null,
    keyShareGroup: -1,
    pskIndex: -1,
    alpn: '',
    hasSessionTicket: false,
    hasStatusRequest: false,
    sctListBytes: 0,
    ja3s: '',
    ja3sText: '',
    fault: '',
  };
}
