/** What a capture is, for the lists of captures and for the tool that makes them. */

import { buildPcap, buildPcapng, type PcapngInterface, type WirePacket } from './capture-writer.ts';
import type { Lab, Meeting } from './lab.ts';

/** What a sensor should say of one handshake. Names are those of its events; null is `the event has no such field`. */
export interface ExpectedHandshake {
  readonly dest_port: number;
  readonly ssl_server_name: string | null;
  readonly ssl_version: string | null;
  readonly cert_visibility: 'clear' | 'encrypted_tls13' | 'resumed' | 'lost' | 'none';
  /** Common name of the server's certificate. */
  readonly ssl_subject_common_name: string | null;
}

export interface Capture {
  /** Name of the file without its suffix. */
  readonly name: string;
  /** One sentence for the table of captures. */
  readonly shows: string;
  /** In the order in which the handshakes begin. */
  readonly expected: readonly ExpectedHandshake[];
  readonly needs?: 'ml-kem';
  /** Interfaces make it a pcapng file. */
  readonly interfaces?: readonly PcapngInterface[];
  /** Packets are damaged on purpose, and tools complain about them. */
  readonly isDamaged?: boolean;
  readonly packets: (lab: Lab) => Promise<WirePacket[]>;
}

export function captureFile(capture: Capture): string {
  return `${capture.name}.${capture.interfaces ? 'pcapng' : 'pcap'}`;
}

export async function buildCapture(capture: Capture, lab: Lab): Promise<Uint8Array> {
  const packets = await capture.packets(lab);
  return capture.interfaces ? buildPcapng(packets, capture.interfaces) : buildPcap(packets);
}

/** The packets of a meeting, one connection after the other. */
export async function meetingPackets(lab: Lab, meeting: Meeting): Promise<WirePacket[]> {
  const talks = await lab.meet(meeting);
  return talks.flatMap((talk) => talk.toPackets());
}

/** A handshake on port 443 whose certificate is named like the server, with `changes`. */
export function expectHandshake(
  serverName: string | null,
  version: string | null,
  visibility: ExpectedHandshake['cert_visibility'],
  changes: Partial<ExpectedHandshake> = {},
): ExpectedHandshake {
  return {
    dest_port: 443,
    ssl_server_name: serverName,
    ssl_version: version,
    cert_visibility: visibility,
    ssl_subject_common_name: visibility === 'clear' ? serverName : null,
    ...changes,
  };
}
