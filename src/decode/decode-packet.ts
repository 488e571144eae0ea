/**
 * One packet in, one frame out: takes header after header off the packet until TCP or UDP is reached or nothing more can be
 * read.
 *
 *     link type -> link header -> VLAN tags -> IP -> extension headers -> TCP, UDP
 *                                               ^          |
 *                                               +- datagram put together of fragments
 *
 * Headers do not know each other. A reader answers which layer follows (see `walk.ts`); the dispatches are `link-type.ts`,
 * `ether-type.ts`, `ip-protocol.ts` and `udp-port.ts`. A layer that can hold another packet only has to answer with its layer.
 *
 * Nothing is allocated, except for fragments. The packet's bytes are borrowed; the frame points into them.
 */

import { DROP_NAMES, Drop } from './drop.ts';
import { readEthernet } from './ethernet.ts';
import type { Frame } from './frame.ts';
import { readHdlc } from './hdlc.ts';
import { readIpExtension } from './ip-extension.ts';
import { IpFragments } from './ip-fragments.ts';
import { readIpv4 } from './ipv4.ts';
import { readIpv6 } from './ipv6.ts';
import { readIpv6Fragment } from './ipv6-fragment.ts';
import { MAX_CUT_BYTES, MAX_HEADERS } from './limits.ts';
import { layerOfLinkType } from './link-type.ts';
import { readLinuxSll } from './linux-sll.ts';
import { readLinuxSll2 } from './linux-sll2.ts';
import { readLlc } from './llc.ts';
import { readNullLoopback } from './null-loopback.ts';
import { decodePlainTcp } from './plain-tcp.ts';
import { readPpp } from './ppp.ts';
import { readRawIp } from './raw-ip.ts';
import { readTcp } from './tcp.ts';
import { readUdp } from './udp.ts';
import { readVlan } from './vlan.ts';
import { isLayer, Layer, type Step, Walk } from './walk.ts';

/** LINKTYPE_ETHERNET. */
const ETHERNET = 1;

export class Decoder {
  /** Packets by how they ended, indexed by `Drop`. Their sum is the number of packets. */
  readonly counters: Float64Array = new Float64Array(DROP_NAMES.length);
  readonly fragments: IpFragments = new IpFragments();
  readonly #walk = new Walk();

  /**
   * Decodes `buf[at, end)` into `frame`, which holds a packet only if the answer is `Drop.Decoded`.
   *
   * `wireLen` is the packet's length before the snap length cut it. `nowSec` is the packet's time in whole seconds, as an
   * integer modulo 2^32: it matters to fragments only, and a double would be boxed on the way.
   */
  decode(
    linkType: number,
    buf: Uint8Array,
    at: number,
    end: number,
    wireLen: number,
    nowSec: number,
    frame: Frame,
  ): Drop {
    if (linkType === ETHERNET && decodePlainTcp(buf, at, end, frame)) {
      this.counters[Drop.Decoded]!++;
      return Drop.Decoded;
    }
    return this.#decodeStepwise(linkType, buf, at, end, wireLen, nowSec, frame);
  }

  #decodeStepwise(
    linkType: number,
    buf: Uint8Array,
    at: number,
    end: number,
    wireLen: number,
    nowSec: number,
    frame: Frame,
  ): Drop {
    const walk = this.#walk;
    const cutLen = wireLen - (end - at);
    if (walk.buf !== buf) walk.buf = buf;
    walk.at = at;
    walk.end = end;
    walk.fullEnd = cutLen > 0 && cutLen <= MAX_CUT_BYTES ? end + cutLen : end;
    if (frame.packet !== buf) frame.packet = buf;
    frame.vlanId = -1;
    frame.macAt = -1;

    let step = layerOfLinkType(linkType);
    for (let headers = 0; isLayer(step) && headers < MAX_HEADERS; headers++) {
      step = this.#readLayer(step, frame, nowSec);
    }
    const drop = isLayer(step) ? Drop.TooManyHeaders : step;
    this.counters[drop]!++;
    return drop;
  }

  #readLayer(layer: Layer, frame: Frame, nowSec: number): Step {
    const walk = this.#walk;
    switch (layer) {
      case Layer.Ethernet:
        return readEthernet(walk, frame);
      case Layer.Ipv4:
        return readIpv4(walk, frame);
      case Layer.Tcp:
        return readTcp(walk, frame);
      case Layer.Ipv6:
        return readIpv6(walk, frame);
      case Layer.Udp:
        return readUdp(walk, frame);
      case Layer.Vlan:
        return readVlan(walk, frame);
      case Layer.Llc:
        return readLlc(walk);
      case Layer.Sll:
        return readLinuxSll(walk);
      case Layer.Sll2:
        return readLinuxSll2(walk);
      case Layer.Loopback:
        return readNullLoopback(walk);
      case Layer.Ppp:
        return readPpp(walk);
      case Layer.Hdlc:
        return readHdlc(walk);
      case Layer.RawIp:
        return readRawIp(walk);
      case Layer.Extension:
        return readIpExtension(walk, frame);
      case Layer.Ipv6Fragment:
        return readIpv6Fragment(walk, frame);
      case Layer.Fragment:
        break;
    }
    return this.fragments.add(walk, frame, nowSec);
  }
}
