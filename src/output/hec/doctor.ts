/**
 * The doctor: why events do not arrive, said in seconds.
 *
 *     connection, TLS ──> is it HEC? ──> clock ──> token ──> one event: index, acknowledgement, balancer ──> size
 *
 * Each step leans on those before; the first that fails ends the examination, since all behind it would fail for the same reason.
 * The token is sent only to a server whose certificate is trusted (or that nobody asked to check) and that answers as HEC does. An event
 * is written, of sourcetype `spanglass:doctor`, because nothing else tells whether the index is allowed; `isReadOnly` leaves that out.
 */
import { randomUUID } from 'node:crypto';

import { escapeUnsafe } from '../../bytes/text.ts';
import { Action } from './codes.ts';
import { CookieJar } from './cookie-jar.ts';
import { type Diagnosis, diagnosis, type FindingId } from './diagnosis.ts';
import { diagnoseCertificate } from './doctor-certificate.ts';
import { ask, type DoctorAnswer, DoctorFault, type DoctorTarget, hostOf, openTls } from './doctor-connection.ts';
import type { HecTls } from './hec-config.ts';
import { Redactor } from './redactor.ts';
import { parseAcks, parseResponse, type Verdict } from './response.ts';

/** Under the five seconds that are promised. */
const TOTAL_MS = 4_600;
/** Less than this is the second in which the header `Date` is written, and the way of the answer. */
const MAX_SKEW_MS = 10_000;
/** How long we wait for the first acknowledgement. An indexer takes some seconds: that it has not come says nothing. */
const ACK_WAIT_MS = 1_000;
const ACK_POLL_MS = 150;
/** Requests on one channel: enough that two indexers in turn are seen, and that three by chance almost are. */
const STICKY_REQUESTS = 4;
/** A batch is closed at this size before compression. */
const BATCH_BYTES = 1024 * 1024;

const COLLECTOR = '/services/collector';
const EVENT_PATH = '/services/collector/event';
const ACK_PATH = '/services/collector/ack';
const HEALTH_PATH = '/services/collector/health';

export interface DoctorOptions {
  readonly url: string;
  readonly token: string;
  readonly index?: string;
  /** `http://user:password@proxy:3128`. */
  readonly proxy?: string;
  readonly tls?: HecTls;
  readonly userAgent?: string;
  /** Whether the sender is to use acknowledgements; false tells a fault if the token insists on them. */
  readonly usesAck?: boolean;
  /** Writes no event: index, acknowledgement and balancer are not examined. */
  readonly isReadOnly?: boolean;
  /** Bodies of blanks up to this size are sent, to find the cap on a request. Left out: not examined. */
  readonly probeBytes?: number;
}

/** Never rejects for what a server does; takes less than 5 s. */
export async function diagnoseHec(options: DoctorOptions): Promise<Diagnosis[]> {
  const examination = new Examination(options);
  await examination.run();
  return examination.findings();
}

class Examination {
  readonly #options: DoctorOptions;
  readonly #found: Diagnosis[] = [];
  readonly #redactor = new Redactor();
  readonly #channel = randomUUID();
  readonly #jar = new CookieJar();
  readonly #deadlineMs = performance.now() + TOTAL_MS;
  #isAckToken = false;

  constructor(options: DoctorOptions) {
    this.#options = options;
    this.#redactor.learn(options.token);
  }

  findings(): Diagnosis[] {
    return this.#found.map((one) => ({ ...one, sentence: this.#redactor.redact(one.sentence) }));
  }

  async run(): Promise<void> {
    try {
      const target = this.#readTarget();
      if (target.isTls) await this.#examineTls(target);
      const health = await this.#examineService(target);
      this.#examineClock(health);
      await this.#examineToken(target);
      if (this.#options.isReadOnly !== true) await this.#examineEvents(target);
      if (this.#options.probeBytes !== undefined) await this.#examineSize(target, this.#options.probeBytes);
    } catch (error) {
      if (!(error instanceof DoctorFault)) throw error;
      const isLate = performance.now() >= this.#deadlineMs && this.#found.some((one) => one.id === 'hec_answers');
      if (isLate) this.#say('no_time_left', 'The server answers, but so slowly that not everything was examined.');
      else this.#say(error.code, error.message);
    }
  }

  #say(id: FindingId, sentence: string): void {
    this.#found.push(diagnosis(id, sentence));
  }

  #readTarget(): DoctorTarget {
    const url = parseUrl(this.#options.url, ['http:', 'https:'], 'the URL');
    const proxy = this.#options.proxy === undefined ? null : parseUrl(this.#options.proxy, ['http:'], 'the proxy');
    for (const secret of [url.password, proxy?.password ?? '']) {
      this.#redactor.learn(secret);
      this.#redactor.learn(decodeURIComponent(secret));
    }
    const isTls = url.protocol === 'https:';
    const at = url.pathname.indexOf(COLLECTOR);
    return {
      isTls,
      host: hostOf(url),
      port: Number(url.port === '' ? (isTls ? 443 : 80) : url.port),
      basePath: (at < 0 ? url.pathname : url.pathname.slice(0, at)).replace(/\/+$/, ''),
      proxy,
      tls: this.#options.tls ?? {},
      deadlineMs: this.#deadlineMs,
    };
  }

  async #examineTls(target: DoctorTarget): Promise<void> {
    const socket = await openTls(target, 'judged_later').catch(async (error: unknown) => {
      if (error instanceof DoctorFault && error.code === 'https_for_http') await this.#refuseSplunkWeb(target);
      throw error;
    });
    const faults = diagnoseCertificate(socket, target.tls.serverName ?? target.host, Date.now());
    const protocol = socket.getProtocol() ?? 'TLS';
    socket.destroy();
    this.#say('connected', `The server at ${target.host} port ${target.port} speaks ${protocol}.`);
    if (target.tls.isInsecure === true) {
      const words = faults.map((one) => one.id).join(', ');
      this.#say('insecure', `The certificate is not checked${words === '' ? '' : `; it would fail: ${words}`}.`);
    } else if (faults.length === 0)
      this.#say('certificate_trusted', 'The certificate is valid, known, and for this name.');
    else {
      // All but the last are said here; the last ends the examination.
      const last = faults.pop()!;
      this.#found.push(...faults);
      throw new DoctorFault(last.id, last.sentence);
    }
  }

  /** Behind `https://…:8000` there is often Splunk Web without TLS: that says more than "not TLS". */
  async #refuseSplunkWeb(target: DoctorTarget): Promise<void> {
    const answer = await ask({ ...target, isTls: false }, { method: 'GET', path: HEALTH_PATH }).catch(
      (error: unknown) => {
        if (error instanceof DoctorFault) return null;
        throw error;
      },
    );
    if (answer !== null) refuseWebPage(answer, target.isTls);
  }

  /** Without the token: only what answers as HEC does gets to see it. */
  async #examineService(target: DoctorTarget): Promise<DoctorAnswer> {
    const answer = await this.#ask(target, 'GET', HEALTH_PATH).catch(async (error: unknown) => {
      if (!target.isTls && error instanceof DoctorFault && isPerhapsTls(error.code)) await this.#refuseTlsPort(target);
      throw error;
    });
    if (!target.isTls) {
      if (/plain HTTP request/i.test(answer.body)) await this.#refuseTlsPort(target);
      this.#say('connected', `The server at ${target.host} port ${target.port} speaks HTTP.`);
      this.#say('no_tls', 'Token and events travel in clear.');
    }
    refuseWebPage(answer, target.isTls);
    let verdict = read(answer);
    if (verdict.code === null && (answer.http === 404 || answer.http === 405)) {
      // A proxy may let through only the path of events; there HEC asks for a token.
      verdict = read(await this.#ask(target, 'POST', EVENT_PATH));
      if (verdict.code === null && verdict.http === 404)
        throw new DoctorFault('wrong_path', `There is nothing at ${target.basePath}${COLLECTOR} (404).`);
    }
    if (verdict.code === null)
      throw new DoctorFault('not_hec', `What answers is not HEC: ${verdict.http} ${verdict.text}`.trim());
    if (verdict.http === 503) this.#say('unhealthy', `HEC says of itself: ${verdict.text} (code ${verdict.code}).`);
    else this.#say('hec_answers', 'HEC answers.');
    return answer;
  }

  async #refuseTlsPort(target: DoctorTarget): Promise<void> {
    const socket = await openTls(target, 'judged_later').catch((error: unknown) => {
      if (error instanceof DoctorFault) return null;
      throw error;
    });
    if (socket === null) return;
    socket.destroy();
    throw new DoctorFault('http_for_https', 'The URL says http, but this port speaks TLS.');
  }

  #examineClock(answer: DoctorAnswer): void {
    const serverMs = Date.parse(answer.headers.date ?? '');
    if (Number.isNaN(serverMs)) return;
    const skewMs = serverMs - Date.now();
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    if (Math.abs(skewMs) <= MAX_SKEW_MS) this.#say('clock_agrees', "The server's clock agrees with ours.");
    else this.#say('clock_skew', `The server's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours.`);
  }

  /** An empty body: HEC looks at the token, then for a channel, then at the data. Health does not look at the token. */
  async #examineToken(target: DoctorTarget): Promise<void> {
    if (this.#options.token === '') throw new DoctorFault('token_missing', 'There is no token.');
    let verdict = read(await this.#ask(target, 'POST', EVENT_PATH, { headers: this.#authorization() }));
    if (verdict.action === Action.AddChannel) {
      this.#isAckToken = true;
      if (this.#options.usesAck === false)
        throw new DoctorFault(
          'ack_without_channel',
          'The token has acknowledgements on, so it takes nothing without a channel.',
        );
      verdict = read(await this.#ask(target, 'POST', EVENT_PATH, { headers: this.#onChannel() }));
    }
    if (verdict.reason === 'no_data') this.#say('token_accepted', 'The token is known and enabled.');
    else if (verdict.action === Action.HoldToken && verdict.reason.includes('disabled'))
      throw new DoctorFault('disabled_token', `The token is disabled: ${said(verdict)}.`);
    else if (verdict.action === Action.HoldToken)
      throw new DoctorFault('wrong_token', `The server does not know the token: ${said(verdict)}.`);
    else if (verdict.action === Action.BackOff || verdict.action === Action.FailOver)
      this.#say('unhealthy', `HEC is busy: ${said(verdict)}.`);
    else
      throw new DoctorFault('token_unclear', `A request without data gets an answer we don't know: ${said(verdict)}.`);
  }

  async #examineEvents(target: DoctorTarget): Promise<void> {
    const ackIds: number[] = [];
    let changedCookie: string | null = null;
    const count = this.#isAckToken ? STICKY_REQUESTS : 1;
    for (let i = 0; i < count; i++) {
      const answer = await this.#ask(target, 'POST', EVENT_PATH, { headers: this.#onChannel(), body: this.#event() });
      changedCookie = this.#jar.take(answer.headers['set-cookie'] ?? [], Date.now()) ?? changedCookie;
      const verdict = read(answer);
      if (verdict.action === Action.HoldIndex) {
        const { index } = this.#options;
        const which = index === undefined ? "the token's own default index" : `index ${escapeUnsafe(index)}`;
        throw new DoctorFault('index_not_allowed', `The token may not write to ${which}: ${said(verdict)}.`);
      }
      if (answer.http !== 200 || verdict.code === null)
        throw new DoctorFault('event_refused', `The server does not take an event: ${said(verdict)}.`);
      if (verdict.ackId !== null) ackIds.push(verdict.ackId);
    }
    this.#say('event_taken', 'The server takes an event of sourcetype spanglass:doctor; the index is allowed.');
    if (ackIds.length === 0) {
      this.#say(
        'ack_disabled',
        'The token has no indexer acknowledgement: an event counts as delivered when it is accepted.',
      );
      return;
    }
    this.#examineBalancer(ackIds, changedCookie);
    await this.#examineAck(target, ackIds[0]!);
  }

  /** ackIds count from 0 on a channel, at one indexer: a number that comes again was given by another. */
  #examineBalancer(ackIds: readonly number[], changedCookie: string | null): void {
    const isInOrder = ackIds.every((id, at) => id === ackIds[0]! + at);
    if (!isInOrder)
      throw new DoctorFault(
        'not_sticky',
        `Requests with the same cookies reach several indexers (ackIds ${ackIds.join(', ')}): the load balancer is not sticky.`,
      );
    const cookie = changedCookie === null ? '' : `, though its cookie ${escapeUnsafe(changedCookie)} changes`;
    this.#say('balancer_sticky', `Requests with the same cookies reach the same indexer${cookie}.`);
  }

  async #examineAck(target: DoctorTarget, ackId: number): Promise<void> {
    const untilMs = Math.min(performance.now() + ACK_WAIT_MS, this.#deadlineMs - ACK_POLL_MS);
    do {
      const answer = await this.#ask(target, 'POST', ACK_PATH, {
        headers: this.#onChannel(),
        body: JSON.stringify({ acks: [ackId] }),
      });
      const acks = parseAcks(answer.http, answer.body);
      if (acks === null)
        throw new DoctorFault(
          'ack_disabled',
          `The server does not answer about acknowledgements: ${said(read(answer))}.`,
        );
      if (acks.get(ackId) === true) {
        this.#say('ack_works', 'The event was acknowledged: an indexer has written it.');
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, ACK_POLL_MS));
    } while (performance.now() < untilMs);
    this.#say('ack_pending', 'Acknowledgements are on; the first had not come yet, which is usual within a second.');
  }

  /** Blanks are no data (code 5), so nothing is written; the cap is looked at before. */
  async #examineSize(target: DoctorTarget, probeBytes: number): Promise<void> {
    let takenBytes = 0;
    for (let bytes = Math.min(BATCH_BYTES, probeBytes); bytes <= probeBytes; bytes *= 2) {
      const verdict = read(
        await this.#ask(target, 'POST', EVENT_PATH, { headers: this.#onChannel(), body: Buffer.alloc(bytes, ' ') }),
      );
      const isRefused = verdict.http === 413 || verdict.reason === 'invalid_format';
      if (isRefused) {
        const words = `The server refuses a body of ${bytes} bytes (${said(verdict)})`;
        if (takenBytes < BATCH_BYTES) throw new DoctorFault('size_cap', `${words}: less than one of our batches.`);
        this.#say('size_limit', `${words} and takes ${takenBytes}: enough for our batches.`);
        return;
      }
      if (verdict.reason !== 'no_data')
        throw new DoctorFault('token_unclear', `A large body gets an answer we don't know: ${said(verdict)}.`);
      takenBytes = bytes;
    }
    this.#say('size_enough', `The server takes bodies of ${takenBytes} bytes.`);
  }

  async #ask(
    target: DoctorTarget,
    method: 'GET' | 'POST',
    path: string,
    more: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Uint8Array } = {},
  ): Promise<DoctorAnswer> {
    const cookie = this.#jar.header();
    return ask(target, {
      method,
      path,
      headers: {
        'user-agent': this.#options.userAgent ?? 'spanglass-doctor',
        ...(cookie === '' ? {} : { cookie }),
        ...more.headers,
      },
      ...(more.body === undefined ? {} : { body: more.body }),
    });
  }

  #authorization(): Record<string, string> {
    return { authorization: `Splunk ${this.#options.token}` };
  }

  #onChannel(): Record<string, string> {
    return { ...this.#authorization(), 'x-splunk-request-channel': this.#channel };
  }

  #event(): string {
    const { index } = this.#options;
    return JSON.stringify({
      time: (Date.now() / 1000).toFixed(6),
      sourcetype: 'spanglass:doctor',
      ...(index === undefined ? {} : { index }),
      event: { message: 'spanglass doctor was here', channel: this.#channel },
    });
  }
}

/** Connection faults behind which a port that speaks TLS may be: it does not like our plain text. */
function isPerhapsTls(code: FindingId): boolean {
  return code === 'not_http' || code === 'connection_lost' || code === 'answer_timeout';
}

/** A redirection or a page of HTML where HEC would answer with JSON. */
function refuseWebPage(answer: DoctorAnswer, isTls: boolean): void {
  const location = answer.headers.location ?? '';
  if (!isTls && answer.http >= 300 && answer.http < 400 && location.startsWith('https:'))
    throw new DoctorFault('http_for_https', 'The URL says http, and the server sends us to https.');
  const isPage = (answer.headers['content-type'] ?? '').startsWith('text/html');
  if (answer.http === 303 || (answer.http === 200 && isPage))
    throw new DoctorFault('splunk_web', `This is Splunk Web or another web page, not HEC (${answer.http}).`);
}

function read(answer: DoctorAnswer): Verdict {
  return parseResponse({ http: answer.http, body: answer.body, retryAfter: null, nowMs: 0 });
}

/** The server's words. */
function said({ http, code, text }: Verdict): string {
  return `${http}${code === null ? '' : ` code ${code}`}${text === '' ? '' : ` "${text}"`}`;
}

function parseUrl(text: string, schemes: readonly string[], what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) throw new DoctorFault('bad_url', `What is given as ${what} is no URL.`);
  if (!schemes.includes(url.protocol))
    throw new DoctorFault('bad_url', `The scheme ${url.protocol} of ${what} is none of ${schemes.join(' ')}.`);
  return url;
}
