/**
 * Where the decoder stands in a packet: between two headers. Readers take a header off its front and say what follows.
 *
 *     buf  ... | headers read | at ... end |  cut by the snap length  | fullEnd
 *
 * One walk is reused for every packet. It borrows the packet's buffer.
 */

import { EMPTY_BYTES } from '../bytes/cursor.ts';
import type { Drop } from './drop.ts';

/** The header that stands at `at`. Negative, so that one number can be either a layer or a `Drop`. */
export const Layer = {
  Ethernet: -1,
  Vlan: -2,
  Llc: -3,
  Sll: -4,
  Sll2: -5,
  Loopback: -6,
  Ppp: -7,
  Hdlc: -8,
  RawIp: -9,
  Ipv4: -10,
  Ipv6: -11,
  /** IPv6 extension header or AH: `protocol` says which. */
  Extension: -12,
  Ipv6Fragment: -13,
  /** Not a header: data of a fragment, described by the `fragment` fields. */
  Fragment: -14,
  Tcp: -15,
  Udp: -16,
} as const;
export type Layer = (typeof Layer)[keyof typeof Layer];

/** What a reader answers: below zero the layer that follows, otherwise how the packet ended. */
export type Step = Layer | Drop;

export function isLayer(step: Step): step is Layer {
  return step < 0;
}

export class Walk {
  buf: Uint8Array = EMPTY_BYTES;
  at = 0;
  /** End of what was captured and belongs to the layer: padding behind it is cut off. */
  end = 0;
  /** End by the lengths in the headers. Never below `end`. */
  fullEnd = 0;
  /** IP protocol number (IPv6: next header) of what stands at `at`. */
  protocol = 0;
  /** Extension headers read since the last IP header. */
  extensions = 0;
  fragmentId = 0;
  /** Offset of the fragment's data in its datagram, in bytes. */
  fragmentAt = 0;
  fragmentMore = false;

  /** Narrows the window to end at `fullEnd`, as a header's length field says. */
  endAt(fullEnd: number): void {
    this.fullEnd = fullEnd;
    if (fullEnd < this.end) this.end = fullEnd;
  }
}
