/** What an event says of one handshake beside its hellos and certificates. */
import type { CertVisibility, Handshake, Resumption, SslProtocol } from '../tls/handshake.ts';
import { alertName } from '../tls/registry/names.ts';
import type { Chain } from '../x509/certificate.ts';
import type { EventFacts } from './event-facts.ts';
import type { FieldWriter } from './field-writer.ts';
import { EventField } from './generated/fields.ts';
import type { PartKind } from './part-table.ts';

type Action = 'allowed' | 'blocked';

/**
 * What the network made of the connection: allowed once a handshake message of the server was read (an alert is none), blocked
 * when a reset was the answer to a ClientHello, null where neither can be told.
 */
export function actionOf(h: Handshake<Chain>, isReset: boolean): Action | null {
  if (h.serverHello !== null || h.helloRetryRequest !== null || h.serverCertificates !== null) return 'allowed';
  return h.clientHello !== null && isReset ? 'blocked' : null;
}

export interface Course {
  readonly history: string;
  readonly protocol: SslProtocol;
  readonly transport: 'tcp' | 'udp';
  readonly action: Action | null;
  readonly hasServerHello: boolean;
  readonly resumption: Resumption;
  readonly isEstablished: boolean;
  readonly certVisibility: CertVisibility;
}

const PROTOCOL_STACK: Readonly<Record<SslProtocol, string>> = {
  tls: 'ip:tcp:ssl',
  sslv2: 'ip:tcp:ssl',
  dtls: 'ip:udp:dtls',
  quic: 'ip:udp:quic',
};

/** How the handshake went. Most go in one of a few ways. */
export const COURSE: PartKind<EventFacts, Course> = {
  mainOf: (facts) => facts.handshake.history,

  isSame(key, { handshake, connection }) {
    return (
      key.protocol === handshake.protocol &&
      key.transport === connection.transport &&
      key.hasServerHello === (handshake.serverHello !== null) &&
      key.resumption === handshake.resumption &&
      key.isEstablished === handshake.isEstablished &&
      key.certVisibility === handshake.certVisibility &&
      key.action === actionOf(handshake, connection.isReset)
    );
  },

  toKey({ handshake, connection }) {
    const { history, protocol, resumption, isEstablished, certVisibility } = handshake;
    const action = actionOf(handshake, connection.isReset);
    const hasServerHello = handshake.serverHello !== null;
    const { transport } = connection;
    return { history, protocol, transport, action, hasServerHello, resumption, isEstablished, certVisibility };
  },

  write(w: FieldWriter, key: Course) {
    w.text(EventField.transport, key.transport);
    w.text(EventField.protocol_stack, PROTOCOL_STACK[key.protocol]);
    w.text(EventField.ssl_protocol, key.protocol);
    if (key.action !== null) w.text(EventField.action, key.action);
    if (key.hasServerHello) w.flag(EventField.ssl_resumed, key.resumption !== 'none');
    if (key.resumption !== 'none') w.text(EventField.ssl_resumption, key.resumption);
    w.flag(EventField.ssl_established, key.isEstablished);
    w.text(EventField.ssl_history, key.history);
    w.text(EventField.cert_visibility, key.certVisibility);
  },
};

/** What is its own in every handshake. */
export function writeHandshake(w: FieldWriter, h: Handshake<Chain>): void {
  const client = h.clientHello;
  const server = h.serverHello;
  if (client?.hasEarlyData === true) w.flag(EventField.ssl_early_data, true);
  if (server !== null && server.sessionId.length > 0) w.hex(EventField.ssl_session_id, server.sessionId);
  else if (client !== null) w.hex(EventField.ssl_session_id, client.sessionId);
  if (h.alert !== null) {
    w.text(EventField.ssl_alert, alertName(h.alert.description));
    w.text(EventField.ssl_alert_from, h.alert.fromClient ? 'client' : 'server');
  }
  if (h.certificateRequest !== null) w.flag(EventField.ssl_client_cert_requested, true);
  if (h.sessionTicket !== null) w.uint(EventField.ssl_ticket_lifetime, h.sessionTicket.lifetimeHint);
  if (h.encryptedServerFlightBytes > 0) w.uint(EventField.ssl_server_flight_bytes, h.encryptedServerFlightBytes);
  if (h.ocspStapleBytes > 0) w.uint(EventField.ssl_ocsp_staple_bytes, h.ocspStapleBytes);
  if (h.lostClientBytes > 0) w.uint(EventField.ssl_lost_bytes_in, h.lostClientBytes);
  if (h.lostServerBytes > 0) w.uint(EventField.ssl_lost_bytes_out, h.lostServerBytes);
  writeFaults(w, h);
}

function writeFaults(w: FieldWriter, h: Handshake<Chain>): void {
  const clientFault = h.clientHello?.fault ?? '';
  const serverFault = h.serverHello?.fault ?? '';
  if (clientFault !== '' || serverFault !== '') {
    w.texts(EventField.ssl_faults, [...new Set([...h.faults, clientFault, serverFault])]);
  } else if (h.faults.length > 0) w.texts(EventField.ssl_faults, h.faults);
}
