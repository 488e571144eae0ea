/**
 * What the doctor can find: one row for each finding, with how bad it is and what to do. The sentence, which has the particulars, is
 * written where the thing is found.
 */

type Verdict = 'ok' | 'warn' | 'fail';

interface FindingRow {
  readonly verdict: Verdict;
  /** What to do about it; empty where nothing is to be done. */
  readonly cure: string;
}

const CA_CURE =
  'Name the file with the CA that signed it (`tls.caFile`), or have the server use a certificate of a known CA.';
const NAME_CURE =
  'Use the name the certificate was made for in the URL, say it with `tls.serverName`, or have a certificate made for this name.';

const FINDINGS = {
  bad_url: fail('Write it as https://host:8088, without a path unless a proxy needs one.'),
  proxy_unreachable: fail('Check the host and the port of `proxy`, and that this machine may reach it.'),
  proxy_auth: fail('Put user and password into `proxy`: http://user:password@host:port.'),
  proxy_refused: fail("Have the proxy allow CONNECT to this host and port; the proxy's own log says why it does not."),

  unknown_host: fail('Check the spelling of the host in the URL, and the name servers of this machine.'),
  refused: fail(
    'Is HEC enabled on the server (Settings, Data inputs, HTTP Event Collector, Global settings)? Its port is 8088 by default.',
  ),
  unreachable: fail('There is no route to the server: check the network of this machine, and firewalls on the way.'),
  connect_timeout: fail('A firewall may drop our packets: have the port opened from this machine to the server.'),
  connected: ok(),

  https_for_http: fail('Write http:// in the URL, or better, turn on SSL in the global settings of HEC.'),
  http_for_https: fail('Write https:// in the URL.'),
  tls_timeout: fail('Something answers at this port, but not TLS: check the port, and what stands between.'),
  tls_failed: fail(
    'Compare the TLS versions of both sides (`tls.minVersion`), and whether the server wants a client certificate.',
  ),
  client_certificate_required: fail(
    'Give a certificate and its key that the server accepts: `tls.certFile` and `tls.keyFile`.',
  ),
  self_signed: fail(
    'Have a certificate made by a CA, or name a copy of this one as the CA (`tls.caFile`). Splunk comes with such a certificate.',
  ),
  unknown_ca: fail(CA_CURE),
  name_mismatch: fail(NAME_CURE),
  certificate_expired: fail('Renew the certificate of the server; if it looks valid, check the clock of this machine.'),
  certificate_not_yet_valid: fail('Check the clocks of this machine and of the one that made the certificate.'),
  insecure: warn('Remove `tls.isInsecure`: whoever sits between can read the token and the events.'),
  certificate_trusted: ok(),
  no_tls: warn('Turn on SSL in the global settings of HEC: without it anybody on the way can read the token.'),

  answer_timeout: fail(
    'The server takes the connection and says nothing: is it overloaded, or is this not the port of HEC?',
  ),
  connection_lost: fail('Something on the way, or the server, closes connections: its log (splunkd.log) may say why.'),
  not_http: fail(
    'This port speaks something else than HTTP: HEC is at 8088 by default, 8089 and 9997 are for other things.',
  ),
  splunk_web: fail('Use the port of HEC, 8088 by default; 8000 is that of Splunk Web.'),
  wrong_path: fail('Remove the path from the URL, or write the one under which your proxy has /services/collector.'),
  not_hec: fail(
    'Check host and port of the URL, and what a proxy or balancer on the way does with /services/collector.',
  ),
  unhealthy: warn(
    'Wait, or look at the queues of the indexers (Monitoring Console, Indexing Performance). Events wait in the spool.',
  ),
  hec_answers: ok(),
  clock_skew: warn('Set both clocks by NTP: events get times at which nobody searches.'),
  clock_agrees: ok(),

  token_missing: fail('Configure the token: its value is listed in Splunk under Data inputs, HTTP Event Collector.'),
  wrong_token: fail(
    'Compare the token with its value in Splunk, under Data inputs, HTTP Event Collector; and is it this server that has it?',
  ),
  disabled_token: fail(
    'Enable the token in Splunk, under Data inputs, HTTP Event Collector; and HEC itself in its global settings.',
  ),
  token_unclear: fail("Look up the server's words in Splunk's HEC documentation."),
  token_accepted: ok(),

  index_not_allowed: fail(
    'Add the index to the allowed ones of the token, create it if it does not exist, or configure another.',
  ),
  event_refused: fail("Look up the server's words in Splunk's HEC documentation."),
  event_taken: ok(),

  ack_without_channel: fail('Turn acknowledgements on here, or off for the token in Splunk.'),
  ack_disabled: warn(
    'Turn on indexer acknowledgement for the token in Splunk: without it an indexer that crashes loses what it had accepted.',
  ),
  ack_pending: ok(),
  ack_works: ok(),
  not_sticky: fail(
    'Turn on stickiness (session affinity) by cookie at the load balancer: an acknowledgement is known to one indexer only.',
  ),
  balancer_sticky: ok(),

  size_cap: fail(
    'Raise the cap of the server or proxy ([http_input] max_content_length in limits.conf), or send smaller batches.',
  ),
  size_limit: ok(),
  size_enough: ok(),
  no_time_left: warn('Run it again when the server is less busy.'),
} as const satisfies Readonly<Record<string, FindingRow>>;
export type FindingId = keyof typeof FINDINGS;

export interface Diagnosis {
  readonly id: FindingId;
  readonly verdict: Verdict;
  readonly sentence: string;
  /** Null where nothing is to be done. */
  readonly cure: string | null;
}

export function diagnosis(id: FindingId, sentence: string): Diagnosis {
  const { verdict, cure } = FINDINGS[id];
  return { id, verdict, sentence, cure: cure === '' ? null : cure };
}

function ok(): FindingRow {
  return { verdict: 'ok', cure: '' };
}

function warn(cure: string): FindingRow {
  return { verdict: 'warn', cure };
}

function fail(cure: string): FindingRow {
  return { verdict: 'fail', cure };
}
