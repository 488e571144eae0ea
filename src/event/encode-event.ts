/** Events in protobuf. Apart from the builder, so that whoever writes JSON only does not load protobuf. */
import type { EventBuilder } from './build-event.ts';
import type { EventFacts } from './event-facts.ts';
import { ProtoWriter } from './proto-writer.ts';

/** Reused: one event at a time. */
const writer = new ProtoWriter();

/** One encoded `spanglass.v1.Event`, without a length before it. */
export function encodeEvent(builder: EventBuilder, facts: EventFacts): Uint8Array {
  writer.reset();
  builder.writeMessage(facts, writer);
  return writer.finish();
}
