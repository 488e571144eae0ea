/** Link headers, IP, fragments, TCP and UDP: every packet ends in one counter, and a frame points into its buffer. */
import { Decoder } from '../../src/decode/decode-packet.ts';
import { DROP_NAMES, Drop } from '../../src/decode/drop.ts';
import { Frame, IpProtocol } from '../../src/decode/frame.ts';
import { MAX_DATAGRAMS, MAX_FRAGMENT_BYTES } from '../../src/decode/limits.ts';
import { readCapture } from './captured-packets.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import { captureMutator } from './mutate-capture.ts';
import { readInWindow } from './window.ts';

const LINK_TYPES = [0, 1, 9, 12, 14, 50, 101, 104, 108, 113, 228, 229, 276];

/** An input is the link type's place in the list, the bytes that the snap length cut, and the packet. */
const packet: FuzzTarget = {
  name: 'decode.packet',
  weight: 1500,
  maxBytes: 2048,
  seeds({ captures }) {
    const seeds: Uint8Array[] = [];
    for (const capture of captures) {
      for (const { linkType, bytes } of capture.slice(0, 8)) {
        const seed = new Uint8Array(2 + Math.min(bytes.length, 600));
        seed[0] = Math.max(0, LINK_TYPES.indexOf(linkType));
        seed.set(bytes.subarray(0, 600), 2);
        seeds.push(seed);
      }
    }
    return seeds;
  },
  run(bytes) {
    const linkType = LINK_TYPES[(bytes[0] ?? 1) % LINK_TYPES.length]!;
    const cut = bytes[1] ?? 0;
    const body = bytes.subarray(2);
    readInWindow(body, (buf, at, end) => {
      const decoder = new Decoder();
      const frame = new Frame();
      const drop = decoder.decode(linkType, buf, at, end, end - at + cut, 1_700_000_000, frame);
      if (drop !== Drop.Decoded) return drop;
      checkFrame(frame);
      if (frame.buf === buf)
        promise(frame.payloadAt >= at && frame.payloadEnd <= end && frame.srcAt >= at, 'a frame outside its packet');
      const { srcPort, dstPort, seq, ack, tcpFlags, payloadAt, payloadEnd, payloadLen, vlanId, macAt, srcAt } = frame;
      return [srcPort, dstPort, seq, ack, tcpFlags, payloadAt, payloadEnd, payloadLen, vlanId, macAt, srcAt];
    });
  },
};

/** One decoder for the packets of a capture, so that fragments meet. */
const fragments: FuzzTarget = {
  name: 'decode.capture',
  weight: 120,
  maxBytes: 65_536,
  seeds: ({ files }) => files.filter((file) => file.length < 16_384),
  mutator: ({ captures }) => captureMutator(captures),
  run(bytes) {
    const decoder = new Decoder();
    const frame = new Frame();
    let packets = 0;
    for (const { linkType, bytes: data, wireLen, tsUs } of readCapture(bytes, 4096)) {
      packets += 1;
      if (decoder.decode(linkType, data, 0, data.length, wireLen, (tsUs / 1e6) | 0, frame) === Drop.Decoded)
        checkFrame(frame);
      const { heldBytes, size } = decoder.fragments;
      promise(
        heldBytes >= 0 && heldBytes <= MAX_FRAGMENT_BYTES && size <= MAX_DATAGRAMS,
        'fragments beyond their caps',
      );
    }
    let counted = 0;
    for (let drop = 0; drop < DROP_NAMES.length; drop++) counted += decoder.counters[drop]!;
    promise(counted === packets, 'packets and counters differ');
  },
};

export const DECODE_TARGETS: readonly FuzzTarget[] = [packet, fragments];

function checkFrame(frame: Frame): void {
  const { buf, payloadAt, payloadEnd, payloadLen, srcAt, dstAt, ipVersion, protocol } = frame;
  const addressLen = ipVersion === 4 ? 4 : 16;
  promise(payloadAt >= 0 && payloadAt <= payloadEnd && payloadEnd <= buf.length, 'a payload outside its buffer');
  promise(payloadLen >= payloadEnd - payloadAt, 'a payload longer than the IP header says');
  promise(
    srcAt >= 0 && srcAt + addressLen <= buf.length && dstAt >= 0 && dstAt + addressLen <= buf.length,
    'an address outside its buffer',
  );
  promise(protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp, 'a frame of no known protocol');
  promise(frame.macAt < 0 || frame.macAt + 12 <= frame.packet.length, 'a MAC address outside its packet');
  promise(
    (frame.seq | 0) === frame.seq && (frame.ack | 0) === frame.ack,
    'a sequence number that is no 32-bit integer',
  );
}
