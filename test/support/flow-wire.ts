/**
 * TCP packets as the decoder hands them on, without a decoder: frames built in memory and fed to a tracker, and a handler that
 * writes down what it got.
 *
 *     const wire = new FlowWire();
 *     wire.send({ side: 0, flags: Tcp.Syn, seq: 99 });
 *     wire.send({ side: 0, seq: 100, text: 'hello' });
 *     wire.heard(0)  // 'hello'
 */

import { Frame, IpProtocol, TcpFlag } from '../../src/decode/frame.ts';
import { type FlowEnd, type GapReason, type Side, type StreamHandler, Want } from '../../src/flow/stream-handler.ts';
import { TcpTracker, type TcpTrackerOptions } from '../../src/flow/tcp-tracker.ts';

export const ACK: number = TcpFlag.Ack;
export const PSH_ACK: number = TcpFlag.Psh | TcpFlag.Ack;
export const SYN: number = TcpFlag.Syn;
export const SYN_ACK: number = TcpFlag.Syn | TcpFlag.Ack;
export const FIN_ACK: number = TcpFlag.Fin | TcpFlag.Ack;
export const RST: number = TcpFlag.Rst;

export interface Packet {
  /** The endpoint that sends; 0 has the lower address. */
  readonly side: Side;
  readonly seq: number;
  readonly ack?: number;
  /** PSH and ACK unless set. */
  readonly flags?: number;
  readonly text?: string;
  readonly payload?: Uint8Array;
  /** Payload bytes that the capture has; all unless set. */
  readonly captured?: number;
  /** Tells connections apart: the port of side 0; 1000 unless set. */
  readonly port?: number;
  /** Seconds since the wire began. */
  readonly at?: number;
}

type Note =
  | { readonly kind: 'bytes'; readonly side: Side; readonly bytes: Uint8Array }
  | { readonly kind: 'gap'; readonly side: Side; readonly missing: number; readonly reason: GapReason }
  | { readonly kind: 'end'; readonly why: FlowEnd };

/** Writes down what a tracker tells of each connection. `enough` answers whether the flow is still wanted. */
class Recorder implements StreamHandler {
  readonly notes: Note[] = [];
  /** Called with every run of bytes: `Want.Nothing` ends the flow. */
  enough: (bytes: Uint8Array) => boolean = () => false;

  onBytes(_slot: number, side: Side, buf: Uint8Array, at: number, end: number): Want {
    const bytes = buf.slice(at, end);
    this.notes.push({ kind: 'bytes', side, bytes });
    return this.enough(bytes) ? Want.Nothing : Want.More;
  }

  onGap(_slot: number, side: Side, missing: number, reason: GapReason): Want {
    this.notes.push({ kind: 'gap', side, missing, reason });
    return Want.More;
  }

  onEnd(_slot: number, why: FlowEnd): void {
    this.notes.push({ kind: 'end', why });
  }
}

const EPOCH_S = 1_700_000_000;

export class FlowWire {
  readonly recorder = new Recorder();
  readonly tracker: TcpTracker;
  readonly #isV6: boolean;

  constructor(options: Partial<TcpTrackerOptions> = {}, isV6 = false) {
    this.tracker = new TcpTracker(this.recorder, { seed: 7, ...options });
    this.#isV6 = isV6;
  }

  send(packet: Packet): this {
    this.tracker.advance((EPOCH_S + (packet.at ?? 0)) * 1e6);
    this.tracker.packet(frameOf(packet, this.#isV6));
    return this;
  }

  /** All bytes of a side as text, gaps as `[n]`. */
  heard(side: Side): string {
    let text = '';
    for (const note of this.recorder.notes) {
      if (note.kind === 'end' || note.side !== side) continue;
      text += note.kind === 'gap' ? `[${note.missing}]` : Buffer.from(note.bytes).toString('latin1');
    }
    return text;
  }

  get ends(): FlowEnd[] {
    return this.recorder.notes.flatMap((note) => (note.kind === 'end' ? [note.why] : []));
  }
}

function frameOf(packet: Packet, isV6: boolean): Frame {
  const payload = packet.payload ?? Buffer.from(packet.text ?? '', 'latin1');
  const addressLen = isV6 ? 16 : 4;
  const captured = packet.captured ?? payload.length;
  // Foreign bytes stand on both sides of the payload: a tracker that reads too far is found out.
  const buf = new Uint8Array(2 * addressLen + 8 + payload.length + 8).fill(0x58);
  const addresses = [new Uint8Array(addressLen).fill(10), new Uint8Array(addressLen).fill(20)] as const;
  buf.set(addresses[packet.side], 0);
  buf.set(addresses[packet.side === 0 ? 1 : 0], addressLen);
  const payloadAt = 2 * addressLen + 8;
  buf.set(payload.subarray(0, captured), payloadAt);
  const ports = [packet.port ?? 1000, 443] as const;
  const frame = new Frame();
  frame.buf = buf;
  frame.packet = buf;
  frame.ipVersion = isV6 ? 6 : 4;
  frame.dstAt = addressLen;
  frame.protocol = IpProtocol.Tcp;
  frame.srcPort = ports[packet.side];
  frame.dstPort = ports[packet.side === 0 ? 1 : 0];
  frame.seq = packet.seq | 0;
  frame.ack = (packet.ack ?? 0) | 0;
  frame.tcpFlags = packet.flags ?? PSH_ACK;
  frame.payloadAt = payloadAt;
  frame.payloadEnd = payloadAt + captured;
  frame.payloadLen = payload.length;
  return frame;
}
