/** Packets of the decoder's tests as commented hex, and one call that decodes them. */

import { fromHex } from '../../src/bytes/hex.ts';
import { Decoder } from '../../src/decode/decode-packet.ts';
import type { Drop } from '../../src/decode/drop.ts';
import { Frame } from '../../src/decode/frame.ts';

/** Hexadecimal text; from `;` to the end of a line is a comment. */
export function hex(text: string): Uint8Array {
  return fromHex(text.replace(/;.*/g, ''));
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** `bytes` with some of them replaced, from offset `at`. */
export function patched(bytes: Uint8Array, at: number, text: string): Uint8Array {
  const out = Uint8Array.from(bytes);
  out.set(hex(text), at);
  return out;
}

export const LinkType = {
  Null: 0,
  Ethernet: 1,
  Ppp: 9,
  RawIp: 101,
  Hdlc: 104,
  Loop: 108,
  Sll: 113,
  Ipv4: 228,
  Ipv6: 229,
  Sll2: 276,
} as const;

export const TCP = hex(`
  c350 01bb      ; ports 50000, 443
  fffffffe       ; sequence number, -2 as a signed integer
  80000001       ; acknowledgement number
  60 18          ; data offset 6 words; PSH ACK
  0200 0000 0000 ; window, checksum, urgent
  020405b4       ; option: maximum segment size
  16030100       ; payload
`);

export const IPV4_TCP = concat(
  hex(`
    45 00 0030     ; version 4, 5 words; total length 48
    1234 4000      ; identification; do not fragment
    40 06 0000     ; time to live, TCP, checksum
    c0000201       ; 192.0.2.1
    c6336402       ; 198.51.100.2
  `),
  TCP,
);

export const IPV6_TCP = concat(
  hex(`
    60000000       ; version 6
    001c 06 40     ; payload length 28, TCP, hop limit
    20010db8 00000000 00000000 00000001
    20010db8 00000000 00000000 00000002
  `),
  TCP,
);

/** Without the type. */
export const MACS = hex(`
  020000000002   ; destination
  020000000001   ; source
`);

export const ETHERNET_IPV4_TCP = concat(MACS, hex('0800'), IPV4_TCP);

export interface Decoded {
  readonly drop: Drop;
  readonly frame: Frame;
  readonly decoder: Decoder;
}

/** Decodes `packet` from the middle of a larger buffer whose other bytes would do harm if they were read. */
export function decodeOne(linkType: number, packet: Uint8Array, wireLen: number = packet.length): Decoded {
  const margin = new Uint8Array(64).fill(0x45);
  const decoder = new Decoder();
  const frame = new Frame();
  const buf = concat(margin, packet, margin);
  const drop = decoder.decode(linkType, buf, 64, 64 + packet.length, wireLen, 0, frame);
  return { drop, frame, decoder };
}

/** How a packet ends when only its first `n` bytes were captured, for every `n`; runs of the same answer as one entry. */
export function dropsByLength(linkType: number, packet: Uint8Array): string[] {
  const runs: string[] = [];
  let from = 0;
  let last: Drop | -1 = -1;
  for (let n = 0; n <= packet.length; n++) {
    const { drop } = decodeOne(linkType, packet.subarray(0, n), packet.length);
    if (drop === last) continue;
    if (last !== -1) runs.push(`${from}-${n - 1}: ${last}`);
    from = n;
    last = drop;
  }
  runs.push(`${from}-${packet.length}: ${last}`);
  return runs;
}
