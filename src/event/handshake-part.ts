/** What an event says of one handshake beside its hellos and certificates. */
import type { Handshake, SslProtocol } from '../tls/handshake.ts';
import { alertName } from '../tls/registry/names.ts';
import type { Chain } from '../x509/certificate.ts';
import type { ConnectionFacts } from './event-facts.ts';
import type { FieldWriter } from './field-writer.ts';
import { EventField } from './generated/fields.ts';

type Action = 'allowed' | 'blocked';

/**
 * What the network made of the connection: allowed once a handshake message of the server was read (an alert is none), blocked
 * when a reset was the answer to a ClientHello, null where neither can be told.
 */
export function actionOf(h: Handshake<Chain>, isReset: boolean): Action | null {
  if (h.serverHello !== null || h.helloRetryRequest !== null || h.serverCertificates !== null) return 'allowed';
  return h.clientHello !== null && isReset ? 'blocked' : null;
}

const PROTOCOL_STACK: Readonly<Record<SslProtocol, string>> = {
  tls: 'ip:tcp:ssl',
  sslv2: 'ip:tcp:ssl',
  dtls: 'ip:udp:dtls',
  quic: 'ip:udp:quic',
};

/** How the handshake went, and what is its own in every one. */
export function writeHandshake(w: FieldWriter, h: Handshake<Chain>, connection: ConnectionFacts): void {
  w.text(EventField.transport, connection.transport);
  w.text(EventField.protocol_stack, PROTOCOL_STACK[h.protocol]);
  w.text(EventField.ssl_protocol, h.protocol);
  const action = actionOf(h, connection.isReset);
  if (action !== null) w.text(EventField.action, action);
  if (h.serverHello !== null) w.flag(EventField.ssl_resumed, h.resumption !== 'none');
  if (h.resumption !== 'none') w.text(EventField.ssl_resumption, h.resumption);
  w.flag(EventField.ssl_established, h.isEstablished);
  w.text(EventField.ssl_history, h.history);
  w.text(EventField.cert_visibility, h.certVisibility);
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
