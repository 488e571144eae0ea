/** What an event says of the connection. */
import type { ConnectionFacts, EventFacts } from './event-facts.ts';
import type { FieldWriter } from './field-writer.ts';
import { appendFragment, type Fragment, newFragment } from './fragment-cache.ts';
import { EventField } from './generated/fields.ts';

export class ConnectionPart {
  /** Nothing missing and nothing double, as it should be. */
  readonly #clean: Fragment = newFragment();

  write(w: FieldWriter, facts: EventFacts): void {
    const c = facts.connection;
    w.text(EventField.src_mac, c.srcMac);
    w.text(EventField.dest_mac, c.destMac);
    w.uint(EventField.vlan_id, c.vlanId);
    w.text(EventField.network_interface, c.networkInterface);
    w.text(EventField.capture_file, facts.captureFile);
    w.text(EventField.src_ip, c.srcIp);
    w.uint(EventField.src_port, c.srcPort);
    w.text(EventField.dest_ip, c.destIp);
    w.uint(EventField.dest_port, c.destPort);
    const serverName = facts.handshake.clientHello?.serverName ?? '';
    w.text(EventField.dest_host, serverName);
    w.text(EventField.ssl_server_name, serverName);
    w.uint(EventField.bytes_in, c.bytesIn);
    w.uint(EventField.bytes_out, c.bytesOut);
    w.uint(EventField.packets_in, c.packetsIn);
    w.uint(EventField.packets_out, c.packetsOut);
    if (isClean(c)) appendFragment(w, this.#clean, c, writeFlaws);
    else writeFlaws(w, c);
    w.uint(EventField.client_rtt, c.clientRttUs);
    w.uint(EventField.server_rtt, c.serverRttUs);
    if (c.clientRttUs >= 0 && c.serverRttUs >= 0) w.uint(EventField.initial_rtt, c.clientRttUs + c.serverRttUs);
    if (c.overlapConflicts > 0) w.uint(EventField.tcp_overlap_conflicts, c.overlapConflicts);
  }
}

function isClean(c: ConnectionFacts): boolean {
  return (
    c.missingPacketsIn === 0 && c.missingPacketsOut === 0 && c.duplicatePacketsIn === 0 && c.duplicatePacketsOut === 0
  );
}

function writeFlaws(w: FieldWriter, c: ConnectionFacts): void {
  w.uint(EventField.missing_packets_in, c.missingPacketsIn);
  w.uint(EventField.missing_packets_out, c.missingPacketsOut);
  w.uint(EventField.duplicate_packets_in, c.duplicatePacketsIn);
  w.uint(EventField.duplicate_packets_out, c.duplicatePacketsOut);
}
