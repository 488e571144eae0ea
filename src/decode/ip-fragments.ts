/**
 * Puts fragmented IPv4 and IPv6 datagrams together again.
 *
 *     held pieces   |####|      |########|##|          in order, none overlaps another
 *     fragment            |#########|                  only the gaps it fills are copied
 *
 * RFC 791 3.2, RFC 8200 4.5. A complete datagram becomes a packet of its own (a plain IP header, then the data) and is read from
 * there like any other, so a first fragment may be as small as it likes.
 *
 * Overlaps: IPv4 keeps the bytes that came first, and counts a conflict where they differ. IPv6 gives the datagram up on any
 * overlap (RFC 5722), except a fragment of which every byte is held already with the same value: mirror ports repeat packets.
 * A fragment that contradicts the datagram's end is refused, and in IPv6 the datagram with it.
 *
 * Bounded in datagrams, bytes, fragments per datagram and packet time; what is given up is counted. The oldest datagram
 * makes room for the newest. Fragments are keyed by their VLAN too: customers behind different tags share private addresses.
 * Pieces are copied; the datagram's buffer is new and belongs to the frame that is given it.
 */

import { Drop } from './drop.ts';
import type { Frame } from './frame.ts';
import {
  FRAGMENT_MEMORY_S,
  FRAGMENT_TIMEOUT_S,
  MAX_DATAGRAMS,
  MAX_FRAGMENT_BYTES,
  MAX_FRAGMENTS,
  PIECE_OVERHEAD_BYTES,
} from './limits.ts';
import { Layer, type Step, type Walk } from './walk.ts';

const IPV4_HEADER_LEN = 20;
const IPV6_HEADER_LEN = 40;
/** Both lengths are 16 bits; IPv4's includes the header. */
const MAX_IPV4_DATA = 0xffff - IPV4_HEADER_LEN;
const MAX_IPV6_DATA = 0xffff;

/** What became of datagrams. Fragments are counted by their `Drop`. */
export interface FragmentCounters {
  reassembled: number;
  /** Not complete within `FRAGMENT_TIMEOUT_S`. */
  timedOut: number;
  /** Made room for newer ones. */
  evicted: number;
  /** Given up for an overlap or too many fragments. */
  refused: number;
  /** Fragments that had other bytes for a place already filled. */
  conflicts: number;
}

interface Piece {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
}

const State = { Held: 0, Done: 1, Refused: 2 } as const;
type State = (typeof State)[keyof typeof State];

class Datagram {
  state: State = State.Held;
  /** When its first fragment came, or when it was complete. */
  sinceSec: number;
  /** Bytes of data, once the last fragment told; or -1. */
  totalLen = -1;
  /** Next header by the fragment at offset 0, the only one that counts (RFC 8200 4.5). */
  protocol = 0;
  /** Fragments that added something: a mirror port's duplicates must not use up the cap. */
  fragments = 0;
  haveLen = 0;
  /** End of the data that is furthest back. */
  reach = 0;
  pieces: Piece[] = [];

  constructor(nowSec: number) {
    this.sinceSec = nowSec;
  }
}

export class IpFragments {
  readonly counters: FragmentCounters = { reassembled: 0, timedOut: 0, evicted: 0, refused: 0, conflicts: 0 };
  /** Oldest first. */
  readonly #datagrams = new Map<string, Datagram>();
  #heldBytes = 0;

  /** Datagrams that are waiting, given up or remembered. */
  get size(): number {
    return this.#datagrams.size;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes the fragment at which `walk` stands. Points `walk` at the whole datagram and answers its IP layer if this fragment
   * was the last one missing. `nowSec` is packet time in whole seconds, modulo 2^32.
   */
  add(walk: Walk, frame: Frame, nowSec: number): Step {
    const isIpv6 = frame.ipVersion === 6;
    const dataLen = walk.fullEnd - walk.at;
    const from = walk.fragmentAt;
    const to = from + dataLen;
    if (walk.end < walk.fullEnd) return Drop.FragmentTruncated;
    if (dataLen <= 0 || (walk.fragmentMore && (dataLen & 7) !== 0)) return Drop.FragmentBadLength;
    if (to > (isIpv6 ? MAX_IPV6_DATA : MAX_IPV4_DATA)) return Drop.FragmentTooLong;

    this.#expire(nowSec);
    const key = keyOf(walk, frame);
    const datagram = this.#find(key, nowSec);
    if (datagram.state === State.Done) return Drop.FragmentLate;
    if (datagram.state === State.Refused) return Drop.FragmentRefused;
    if (datagram.fragments >= MAX_FRAGMENTS) {
      this.#refuse(datagram);
      return Drop.FragmentTooMany;
    }
    if (contradictsEnd(datagram, to, walk.fragmentMore)) {
      if (isIpv6) this.#refuse(datagram);
      return Drop.FragmentBadEnd;
    }
    const drop = this.#store(datagram, walk, isIpv6);
    if (drop !== Drop.FragmentHeld) return drop;

    if (!walk.fragmentMore) datagram.totalLen = to;
    if (from === 0) datagram.protocol = walk.protocol;
    if (to > datagram.reach) datagram.reach = to;
    if (datagram.haveLen !== datagram.totalLen) {
      while (this.#heldBytes > MAX_FRAGMENT_BYTES) this.#evictOldest();
      return Drop.FragmentHeld;
    }
    return this.#complete(key, datagram, walk, frame, nowSec);
  }

  /** The datagram of this key, begun anew if there is none or its time is over. */
  #find(key: string, nowSec: number): Datagram {
    const found = this.#datagrams.get(key);
    if (found !== undefined && !isOver(found, nowSec)) return found;
    if (found !== undefined) this.#timeOut(key, found);
    if (this.#datagrams.size >= MAX_DATAGRAMS) this.#evictOldest();
    const datagram = new Datagram(nowSec);
    this.#datagrams.set(key, datagram);
    return datagram;
  }

  /** Copies what the fragment has to add. */
  #store(datagram: Datagram, walk: Walk, isIpv6: boolean): Drop {
    const from = walk.fragmentAt;
    const to = from + walk.end - walk.at;
    const fresh: Piece[] = [];
    let differs = false;
    let freshLen = 0;
    let next = from;
    const take = (until: number): void => {
      const at = walk.at + next - from;
      fresh.push({ from: next, to: until, bytes: new Uint8Array(walk.buf.subarray(at, at + until - next)) });
      freshLen += until - next;
    };
    for (const piece of datagram.pieces) {
      if (piece.to <= next) continue;
      if (piece.from >= to) break;
      if (piece.from > next) {
        take(piece.from);
        next = piece.from;
      }
      const until = Math.min(piece.to, to);
      for (; next < until; next++) {
        if (piece.bytes[next - piece.from] !== walk.buf[walk.at + next - from]) differs = true;
      }
    }
    if (next < to) take(to);

    if (differs) this.counters.conflicts++;
    if (freshLen === 0 && !differs) return Drop.FragmentDuplicate;
    if (isIpv6 && freshLen < to - from) {
      this.#refuse(datagram);
      return Drop.FragmentOverlap;
    }
    if (freshLen === 0) return Drop.FragmentOverlap;
    datagram.pieces.push(...fresh);
    datagram.pieces.sort((a, b) => a.from - b.from);
    datagram.haveLen += freshLen;
    datagram.fragments++;
    this.#heldBytes += freshLen + fresh.length * PIECE_OVERHEAD_BYTES;
    return Drop.FragmentHeld;
  }

  /** Builds the whole packet. The addresses are this fragment's: they are part of the key. */
  #complete(key: string, datagram: Datagram, walk: Walk, frame: Frame, nowSec: number): Layer {
    const isIpv6 = frame.ipVersion === 6;
    const headerLen = isIpv6 ? IPV6_HEADER_LEN : IPV4_HEADER_LEN;
    const packet = new Uint8Array(headerLen + datagram.totalLen);
    const addresses = walk.buf.subarray(frame.srcAt, frame.srcAt + (isIpv6 ? 32 : 8));
    if (isIpv6) {
      packet[0] = 0x60;
      writeU16(packet, 4, datagram.totalLen);
      packet[6] = datagram.protocol;
      packet.set(addresses, 8);
    } else {
      packet[0] = 0x45;
      writeU16(packet, 2, packet.length);
      packet[9] = datagram.protocol;
      packet.set(addresses, 12);
    }
    for (const piece of datagram.pieces) packet.set(piece.bytes, headerLen + piece.from);

    this.counters.reassembled++;
    this.#release(datagram);
    datagram.state = State.Done;
    datagram.sinceSec = nowSec;
    // To the end of the line: the map is ordered by age.
    this.#datagrams.delete(key);
    this.#datagrams.set(key, datagram);

    walk.buf = packet;
    walk.at = 0;
    walk.end = packet.length;
    walk.fullEnd = packet.length;
    return isIpv6 ? Layer.Ipv6 : Layer.Ipv4;
  }

  /** Forgets the bytes but remembers the datagram, so that the rest of it is refused too. */
  #refuse(datagram: Datagram): void {
    this.counters.refused++;
    this.#release(datagram);
    datagram.state = State.Refused;
  }

  #release(datagram: Datagram): void {
    for (const piece of datagram.pieces) this.#heldBytes -= piece.bytes.length + PIECE_OVERHEAD_BYTES;
    datagram.pieces = [];
  }

  #expire(nowSec: number): void {
    for (const [key, datagram] of this.#datagrams) {
      if (!isOver(datagram, nowSec)) return;
      this.#timeOut(key, datagram);
    }
  }

  #timeOut(key: string, datagram: Datagram): void {
    if (datagram.state === State.Held) this.counters.timedOut++;
    this.#release(datagram);
    this.#datagrams.delete(key);
  }

  #evictOldest(): void {
    for (const [key, datagram] of this.#datagrams) {
      if (datagram.state === State.Held) this.counters.evicted++;
      this.#release(datagram);
      this.#datagrams.delete(key);
      return;
    }
  }
}

/** Whether its time is over. Packet time may run backwards between files, so distance counts, not order. */
function isOver(datagram: Datagram, nowSec: number): boolean {
  const ageSec = Math.abs((nowSec - datagram.sinceSec) | 0);
  return ageSec > (datagram.state === State.Done ? FRAGMENT_MEMORY_S : FRAGMENT_TIMEOUT_S);
}

function contradictsEnd(datagram: Datagram, to: number, more: boolean): boolean {
  if (datagram.totalLen < 0) return !more && to < datagram.reach;
  return more ? to > datagram.totalLen : to !== datagram.totalLen;
}

/** RFC 791 3.2: addresses, identification and protocol. RFC 8200 4.5: without the protocol. */
function keyOf(walk: Walk, frame: Frame): string {
  const protocol = frame.ipVersion === 4 ? walk.protocol : 'v6';
  let key = `${walk.fragmentId} ${protocol} ${frame.vlanId} `;
  const end = frame.dstAt + (frame.ipVersion === 4 ? 4 : 16);
  for (let at = frame.srcAt; at < end; at += 2) {
    key += String.fromCharCode((walk.buf[at]! << 8) | walk.buf[at + 1]!);
  }
  return key;
}

function writeU16(buf: Uint8Array, at: number, value: number): void {
  buf[at] = value >> 8;
  buf[at + 1] = value & 0xff;
}
