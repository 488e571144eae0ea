import type { EventFacts } from '../event/event-facts.ts';

/** Where finished handshakes go. The facts are the pipeline's own and reused: a sink takes what it needs before it returns. */
export interface HandshakeSink {
  onHandshake(facts: EventFacts): void;
}
