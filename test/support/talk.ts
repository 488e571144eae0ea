/** A conversation of many TCP connections as Ethernet frames, for what judges traffic and not handshakes. */
import { Flag, tcp } from '../capture/shunt-packets.ts';

const CLIENT = '192.0.2.1';
const SERVER = '198.51.100.1';
/** A TLS record of application data, and one behind it that begins like one. */
const RECORD = Uint8Array.from({ length: 1205 }, (_, i) => [0x17, 3, 3, 0x04, 0xb0][i] ?? (i * 37) & 0xff);
const REQUEST = Uint8Array.from(Buffer.from('GET / HTTP/1.1\r\n\r\n'));

export interface Talk {
  readonly connections: number;
  /** Answers of the server in each. */
  readonly answers: number;
  readonly isTls?: boolean;
  /** Left out: segments of the server by their number within the connection. */
  readonly lost?: readonly number[];
  /** Only what the client sends. */
  readonly isOneWay?: boolean;
}

/** In the order in which they are on the wire. */
export function talk({ connections, answers, isTls = true, lost = [], isOneWay = false }: Talk): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const payload = isTls ? RECORD : REQUEST;
  for (let n = 0; n < connections; n++) {
    const up = { source: CLIENT, target: SERVER, sourcePort: 20_000 + n, targetPort: 443 };
    const down = { source: SERVER, target: CLIENT, sourcePort: 443, targetPort: 20_000 + n };
    const server = (packet: Uint8Array) => {
      if (!isOneWay) packets.push(packet);
    };
    packets.push(tcp({ ...up, flags: Flag.Syn, seq: 99 }));
    server(tcp({ ...down, flags: Flag.Syn | Flag.Ack, seq: 499, ack: 100 }));
    packets.push(tcp({ ...up, flags: Flag.Ack, seq: 100, ack: 500 }));
    packets.push(tcp({ ...up, flags: Flag.Ack | Flag.Psh, seq: 100, ack: 500, payload }));
    for (let i = 0; i < answers; i++) {
      const seq = 500 + i * payload.length;
      if (!lost.includes(i)) server(tcp({ ...down, flags: Flag.Ack, seq, ack: 100 + payload.length, payload }));
      packets.push(tcp({ ...up, flags: Flag.Ack, seq: 100 + payload.length, ack: seq + payload.length }));
    }
  }
  return packets;
}

/** As a pcap file, https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html; all at the same time. */
export function toPcap(packets: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = packets.flatMap((packet) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000, 0);
    record.writeUInt32LE(packet.length, 8);
    record.writeUInt32LE(packet.length, 12);
    return [record, Buffer.from(packet)];
  });
  return Buffer.concat([header, ...records]);
}
