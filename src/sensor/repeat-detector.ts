/**
 * Packets that came twice: a mirror that sends both what a port receives and what another sends, or two mirrors of one path.
 *
 *     packet ─> digest of what a router leaves as it is ─> slot of a table ─> same digest, a moment ago: a repeat
 *
 * The digest has addresses, ports, the IPv4 identification, and of TCP the numbers and flags; not TTL, checksums and MAC addresses, which
 * differ between two ends of a router. A retransmission has another identification and comes later. One without payload in IPv6
 * has nothing that tells it from the one before, so such packets are not compared.
 *
 * An estimate by design: the table is small and a slot is simply overwritten, so of repeats far apart at high rates some are missed.
 */
import { type Frame, IpProtocol } from '../decode/frame.ts';

/** Slots: 20 ms at 3 Mpackets/s. 12 bytes each, 768 KiB. */
const SLOTS = 65_536;
/** Below the shortest retransmission timer in use (200 ms on Linux), above what two ways through a switch differ. */
const WINDOW_US = 50_000;
/** Payload that goes into the digest: of UDP it is all that tells two datagrams apart in IPv6. */
const MAX_DIGESTED = 32;

export class RepeatDetector {
  /** Packets that could be compared, and those of them that came before. */
  compared = 0;
  repeats = 0;
  readonly #digests = new Int32Array(SLOTS);
  readonly #times = new Float64Array(SLOTS).fill(Number.NEGATIVE_INFINITY);

  read(frame: Frame, tsUs: number): void {
    const { buf, ipVersion, payloadAt, payloadEnd, payloadLen } = frame;
    if (ipVersion === 6 && payloadLen === 0) return;
    const addressLen = ipVersion === 4 ? 4 : 16;
    let digest = frame.protocol;
    let check = payloadLen;
    for (let i = 0; i < addressLen; i += 4) {
      digest = mix(digest, word(buf, frame.srcAt + i));
      check = mix(check, word(buf, frame.dstAt + i));
    }
    digest = mix(digest, (frame.srcPort << 16) | frame.dstPort);
    if (ipVersion === 4) {
      // The source address is at byte 12 of the header, the identification at byte 4.
      check = mix(check, (buf[frame.srcAt - 8]! << 8) | buf[frame.srcAt - 7]!);
    }
    if (frame.protocol === IpProtocol.Tcp) {
      digest = mix(digest, frame.seq);
      check = mix(check, frame.ack);
      check = mix(check, frame.tcpFlags);
    }
    const end = Math.min(payloadEnd, payloadAt + MAX_DIGESTED) - 3;
    for (let at = payloadAt; at < end; at += 4) digest = mix(digest, word(buf, at));
    digest = mix(digest, check);
    this.compared += 1;
    const slot = digest & (SLOTS - 1);
    // The slot is a part of the digest, so the other half of what is known stands in it.
    const kept = mix(check, digest >>> 16);
    if (this.#digests[slot] === kept && tsUs - this.#times[slot]! <= WINDOW_US) this.repeats += 1;
    this.#digests[slot] = kept;
    this.#times[slot] = tsUs;
  }
}

function word(buf: Uint8Array, at: number): number {
  return (buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!;
}

/** One round of a multiplicative hash. Nobody has an interest in colliding with himself here. */
function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, 0x9e3779b1);
  return product ^ (product >>> 15);
}
