/** Packets for the shunt's tests, built field by field. Checksums are left zero: the shunt does not look at them. */

export const Flag = { Fin: 0x01, Syn: 0x02, Rst: 0x04, Psh: 0x08, Ack: 0x10 } as const;

export interface Packet {
  readonly source: string;
  readonly target: string;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly vlans?: readonly number[];
  /** Next header and body without its first two bytes of each IPv6 extension header; the body fills up to eight bytes. */
  readonly extensions?: readonly number[];
  readonly ipOptions?: number;
  readonly payload?: Uint8Array;
}

export interface Segment extends Packet {
  readonly flags: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly tcpOptions?: number;
}

export function tcp(segment: Segment): Uint8Array {
  const { flags, seq = 0, ack = 0, tcpOptions = 0, payload = new Uint8Array(0) } = segment;
  const header = new Uint8Array(20 + tcpOptions);
  const view = new DataView(header.buffer);
  view.setUint16(0, segment.sourcePort);
  view.setUint16(2, segment.targetPort);
  view.setUint32(4, seq >>> 0);
  view.setUint32(8, ack >>> 0);
  header[12] = ((20 + tcpOptions) >> 2) << 4;
  header[13] = flags;
  return ethernet(segment, 6, concat(header, payload));
}

export function udp(packet: Packet): Uint8Array {
  const { payload = new Uint8Array(0) } = packet;
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint16(0, packet.sourcePort);
  view.setUint16(2, packet.targetPort);
  view.setUint16(4, 8 + payload.length);
  return ethernet(packet, 17, concat(header, payload));
}

export function ethernet(packet: Packet, protocol: number, transport: Uint8Array): Uint8Array {
  const isV6 = packet.source.includes(':');
  const tags = (packet.vlans ?? []).flatMap((type) => [type >> 8, type & 0xff, 0, 7]);
  const type = isV6 ? [0x86, 0xdd] : [0x08, 0x00];
  const macs = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
  const ip = isV6 ? ipv6(packet, protocol, transport) : ipv4(packet, protocol, transport);
  return concat(Uint8Array.from([...macs, ...tags, ...type]), ip);
}

function ipv4(packet: Packet, protocol: number, transport: Uint8Array): Uint8Array {
  const { ipOptions = 0 } = packet;
  const header = new Uint8Array(20 + ipOptions);
  const view = new DataView(header.buffer);
  header[0] = 0x40 | (header.length >> 2);
  view.setUint16(2, header.length + transport.length);
  header[8] = 64;
  header[9] = protocol;
  header.set(addressOf(packet.source), 12);
  header.set(addressOf(packet.target), 16);
  return concat(header, transport);
}

function ipv6(packet: Packet, protocol: number, transport: Uint8Array): Uint8Array {
  const types = [...(packet.extensions ?? []), protocol];
  const extensions = Uint8Array.from(types.slice(1).flatMap((next) => [next, 0, 1, 4, 0, 0, 0, 0]));
  const header = new Uint8Array(40);
  const view = new DataView(header.buffer);
  header[0] = 0x60;
  view.setUint16(4, extensions.length + transport.length);
  header[6] = types[0]!;
  header[7] = 64;
  header.set(addressOf(packet.source), 8);
  header.set(addressOf(packet.target), 24);
  return concat(header, extensions, transport);
}

/** `10.0.0.1`, or IPv6 with at most one `::`. */
export function addressOf(text: string): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.').map(Number));
  const [head = '', tail = ''] = text.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const middle = repeated('0', 8 - left.length - right.length);
  const groups = [...left, ...middle, ...right].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

export function repeated<T>(value: T, times: number): T[] {
  return Array.from({ length: times }, () => value);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The flow of a packet as the flow table has it: both addresses in words, the lower one first. */
export interface FlowKey {
  readonly isV6: boolean;
  readonly words: Int32Array;
  readonly ports: number;
  /** The packet's source is the higher endpoint. */
  readonly isSwapped: boolean;
}

export function flowOf(packet: Pick<Packet, 'source' | 'target' | 'sourcePort' | 'targetPort'>): FlowKey {
  const source = wordsOf(packet.source);
  const target = wordsOf(packet.target);
  const first = [0, 1, 2, 3].find((i) => source[i] !== target[i]);
  const isLower = first === undefined ? packet.sourcePort <= packet.targetPort : source[first]! < target[first]!;
  const { sourcePort, targetPort } = packet;
  return {
    isV6: packet.source.includes(':'),
    words: Int32Array.from(isLower ? [...source, ...target] : [...target, ...source]),
    ports: isLower ? (sourcePort << 16) | targetPort : (targetPort << 16) | sourcePort,
    isSwapped: !isLower,
  };
}

function wordsOf(text: string): Int32Array {
  const bytes = addressOf(text);
  const view = new DataView(bytes.buffer);
  return Int32Array.from([0, 1, 2, 3], (i) => (4 * i < bytes.length ? view.getInt32(4 * i) : 0));
}
