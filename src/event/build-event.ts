/**
 * Builds events from facts, as lines for Splunk's HTTP Event Collector or as protobuf.
 *
 *     {"time":1700000000.123456,"host":…,"source":…,"sourcetype":…[,"index":…],"event":{ … }}\n
 *
 * The envelope has only keys that Splunk knows: at an unknown one it answers 200 and drops what follows. `time` is the packet
 * time at which the handshake began, written from whole microseconds because a double can't hold them as a fraction.
 *
 * What all events of a process share is a constant; what many share (hello, chain) is a fragment, made once; the rest is
 * written straight into the caller's buffer. A builder belongs to one thread.
 */
import type { DetectionScore } from '../score/score.ts';
import type { Handshake } from '../tls/handshake.ts';
import type { HelloShape } from '../tls/hello-shape.ts';
import type { Chain } from '../x509/certificate.ts';
import { toAsciiRun } from './ascii-run.ts';
import { CertificateParts, type HashCase, writeClientValidity, writeServerValidity } from './certificate-part.ts';
import { writeClientHello } from './client-hello-part.ts';
import { writeCommunityId } from './community-id.ts';
import { ConnectionPart } from './connection-part.ts';
import type { EventFacts, SensorIdentity } from './event-facts.ts';
import { defineNumbered, type NumberedField, renameField } from './field.ts';
import type { FieldWriter } from './field-writer.ts';
import { appendFragment, FragmentCache, newFragment } from './fragment-cache.ts';
import { EventField } from './generated/fields.ts';
import { writeHandshake } from './handshake-part.ts';
import { JsonWriter } from './json-writer.ts';
import { MAX_ANSWERS_PER_JA3S, MAX_SERVER_ANSWERS } from './limits.ts';
import { PartTable } from './part-table.ts';
import type { Profile } from './profile.ts';
import { writeScore } from './score-part.ts';
import { answerOf, SERVER_ANSWER } from './server-hello-part.ts';

export interface EventOptions {
  /** The envelope's `source`; the profile's default where absent. */
  readonly source?: string;
  /** The envelope's `index`; the token's default where absent. */
  readonly index?: string;
  /** Letters of certificate hashes: threat lists write lower case, Splunk Stream upper. */
  readonly hashCase?: HashCase;
  /** On by default. Off saves the hash of the flow: a quarter of the time that an event takes. */
  readonly communityId?: boolean;
}

const VENDOR_PRODUCT = 'spanglass';
/** CIM's word for TLS on any transport. */
const APP = 'ssl';

const MICROS = 1_000_000;

const encoder = new TextEncoder();
const TIME_KEY = toAsciiRun('{"time":');
const DECIMAL_POINT = toAsciiRun('.');
const EVENT_END = toAsciiRun('}}');
const LINE_END = 0x0a;

export class EventBuilder {
  readonly #identity: SensorIdentity;
  /** From behind the time to the first field that differs between events. */
  readonly #envelope: Uint8Array;
  readonly #hasCommunityId: boolean;
  readonly #eventId: NumberedField;
  readonly #flowId: NumberedField;
  readonly #constants = newFragment();
  readonly #clientHellos = new FragmentCache<HelloShape>(writeClientHello);
  readonly #serverAnswers = new PartTable(SERVER_ANSWER, MAX_SERVER_ANSWERS, MAX_ANSWERS_PER_JA3S);
  readonly #connection = new ConnectionPart();
  /** The scorer hands out the same score for the same certificate and name. */
  readonly #scores = new FragmentCache<DetectionScore>(writeScore);
  readonly #serverChains: FragmentCache<Chain>;
  readonly #clientChains: FragmentCache<Chain>;

  constructor(identity: SensorIdentity, profile: Profile, options: EventOptions = {}) {
    const subject = renameField(EventField.ssl_subject, profile.subjectName);
    const issuer = renameField(EventField.ssl_issuer, profile.issuerName);
    const certificates = new CertificateParts(subject, issuer, options.hashCase ?? 'lower');
    this.#identity = identity;
    this.#envelope = buildEnvelope(identity, profile, options);
    this.#hasCommunityId = options.communityId ?? true;
    this.#eventId = defineNumbered(EventField.event_id, `${identity.bootId}-`);
    this.#flowId = defineNumbered(EventField.flow_id, `${identity.bootId}-f`);
    this.#serverChains = new FragmentCache((w, chain) => certificates.writeServerChain(w, chain));
    this.#clientChains = new FragmentCache((w, chain) => certificates.writeClientChain(w, chain));
  }

  /** Appends one line. */
  writeJson(facts: EventFacts, w: JsonWriter): void {
    const startUs = startOf(facts);
    const second = Math.floor(startUs / MICROS);
    w.writeRun(TIME_KEY);
    w.writeDigits(second);
    w.writeRun(DECIMAL_POINT);
    w.writeMicros(startUs - second * MICROS);
    w.raw(this.#envelope);
    this.#writeFields(w, facts, startUs);
    w.writeRun(EVENT_END);
    w.writeByte(LINE_END);
  }

  /** Writes the fields of one `spanglass.v1.Event`, for a writer whose form has no envelope. */
  writeMessage(facts: EventFacts, w: FieldWriter): void {
    const startUs = startOf(facts);
    w.int(EventField.time_us, startUs);
    appendFragment(w, this.#constants, this.#identity, writeConstants);
    this.#writeFields(w, facts, startUs);
  }

  #writeFields(w: FieldWriter, facts: EventFacts, startUs: number): void {
    const { connection, handshake } = facts;
    const cutsBefore = w.cuts;
    w.time(EventField.timestamp, startUs);
    w.time(EventField.endtime, handshake.lastUs >= 0 ? handshake.lastUs : connection.lastUs);
    if (handshake.lastUs >= 0) w.uint(EventField.ssl_time, handshake.lastUs - startUs);
    w.uint(EventField.seq, facts.seq);
    w.numbered(this.#eventId, facts.seq);
    this.#connection.write(w, facts);
    w.numbered(this.#flowId, connection.flowId);
    if (this.#hasCommunityId) {
      const { transport, srcIp, srcPort, destIp, destPort } = connection;
      w.ascii(EventField.community_id, writeCommunityId(transport, srcIp, srcPort, destIp, destPort));
    }
    writeHandshake(w, handshake, connection);
    if (handshake.clientHello !== null) this.#clientHellos.append(w, handshake.clientHello.shape);
    if (answerOf(handshake) !== null) this.#serverAnswers.append(w, handshake);
    this.#writeCertificates(w, handshake, startUs / MICROS);
    this.#scores.append(w, facts.score);
    if (w.cuts > cutsBefore) w.flag(EventField.event_cut, true);
  }

  #writeCertificates(w: FieldWriter, h: Handshake<Chain>, startSeconds: number): void {
    if (h.serverCertificates !== null) {
      this.#serverChains.append(w, h.serverCertificates);
      writeServerValidity(w, h.serverCertificates, startSeconds);
    }
    if (h.clientCertificates !== null) {
      this.#clientChains.append(w, h.clientCertificates);
      writeClientValidity(w, h.clientCertificates, startSeconds);
    }
  }
}

/** When the handshake began, microseconds. */
function startOf({ connection, handshake }: EventFacts): number {
  if (handshake.clientHelloUs >= 0) return handshake.clientHelloUs;
  if (handshake.firstUs >= 0) return handshake.firstUs;
  return Math.max(0, connection.firstUs);
}

function buildEnvelope(identity: SensorIdentity, profile: Profile, options: EventOptions): Uint8Array {
  const w = new JsonWriter(4096);
  writeConstants(w, identity);
  // The comma before the first field goes: it follows the brace.
  const fields = w.copyFrom(1);
  const keys = {
    ...(identity.sensor !== '' && { host: identity.sensor }),
    source: options.source ?? profile.source,
    sourcetype: profile.sourcetype,
    ...(options.index !== undefined && { index: options.index }),
  };
  const head = encoder.encode(`,${JSON.stringify(keys).slice(1, -1)},"event":{`);
  const envelope = new Uint8Array(head.length + fields.length);
  envelope.set(head);
  envelope.set(fields, head.length);
  return envelope;
}

function writeConstants(w: FieldWriter, identity: SensorIdentity): void {
  w.text(EventField.app, APP);
  w.text(EventField.vendor_product, VENDOR_PRODUCT);
  w.text(EventField.sensor, identity.sensor);
  w.text(EventField.capture_hostname, identity.sensor);
  w.text(EventField.dvc, identity.sensor);
  w.text(EventField.boot_id, identity.bootId);
}
