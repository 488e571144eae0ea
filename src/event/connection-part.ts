/** What an event says of the connection. */
import type { ConnectionFacts, EventFacts } from './event-facts.ts';
import type { FieldWriter } from './field-writer.ts';
import { appendFragment, type Fragment, newFragment } from './fragment-cache.ts';
import { EventField } from './generated/fields.ts';
import type { PartKind } from './part-table.ts';

export interface Link {
  readonly srcMac: string;
  readonly destMac: string;
  readonly vlanId: number;
  readonly networkInterface: string;
  readonly captureFile: string;
}

/** Where the packets were picked up. A mirrored port sees few pairs of neighbours. */
export const LINK: PartKind<EventFacts, Link> = {
  mainOf: (facts) => facts.connection.srcMac,

  isSame(key, { connection, captureFile }) {
    return (
      key.destMac === connection.destMac &&
      key.vlanId === connection.vlanId &&
      key.networkInterface === connection.networkInterface &&
      key.captureFile === captureFile
    );
  },

  toKey({ connection, captureFile }) {
    const { srcMac, destMac, vlanId, networkInterface } = connection;
    return { srcMac, destMac, vlanId, networkInterface, captureFile };
  },

  write(w: FieldWriter, key: Link) {
    w.text(EventField.src_mac, key.srcMac);
    w.text(EventField.dest_mac, key.destMac);
    w.uint(EventField.vlan_id, key.vlanId);
    w.text(EventField.network_interface, key.networkInterface);
    w.text(EventField.capture_file, key.captureFile);
  },
};

export interface Destination {
  readonly ip: string;
  readonly port: number;
  readonly name: string;
}

/** Who was talked to. A few servers get most connections. */
export const DESTINATION: PartKind<EventFacts, Destination> = {
  mainOf: nameOf,

  isSame: (key, { connection }) => key.port === connection.destPort && key.ip === connection.destIp,

  toKey: (facts) => ({ ip: facts.connection.destIp, port: facts.connection.destPort, name: nameOf(facts) }),

  write(w: FieldWriter, key: Destination) {
    w.text(EventField.dest_ip, key.ip);
    w.uint(EventField.dest_port, key.port);
    w.text(EventField.dest_host, key.name);
    w.text(EventField.ssl_server_name, key.name);
  },
};

function nameOf(facts: EventFacts): string {
  return facts.handshake.clientHello?.serverName ?? '';
}

export class ConnectionPart {
  /** Nothing missing and nothing double, as it should be. */
  readonly #clean: Fragment = newFragment();

  write(w: FieldWriter, c: ConnectionFacts): void {
    w.text(EventField.src_ip, c.srcIp);
    w.uint(EventField.src_port, c.srcPort);
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
