/**
 * Events as a stream of `spanglass.v1.Event` messages, each with its length before it as a varint: what protobuf's
 * `parseDelimitedFrom` reads.
 */
import type { EventBuilder } from '../event/build-event.ts';
import { encodeEvent } from '../event/encode-event.ts';
import type { EventFacts } from '../event/event-facts.ts';
import type { ByteFile } from './byte-file.ts';

const FLUSH_BYTES = 256 * 1024;
const MAX_VARINT_BYTES = 5;

export class ProtobufFile {
  readonly #file: ByteFile;
  readonly #builder: EventBuilder;
  #buf = new Uint8Array(FLUSH_BYTES);
  #at = 0;

  constructor(file: ByteFile, builder: EventBuilder) {
    this.#file = file;
    this.#builder = builder;
  }

  write(facts: EventFacts): void {
    const message = encodeEvent(this.#builder, facts);
    if (this.#at + MAX_VARINT_BYTES + message.length > this.#buf.length) this.flush();
    if (MAX_VARINT_BYTES + message.length > this.#buf.length) this.#buf = new Uint8Array(2 * message.length);
    let length = message.length;
    while (length > 0x7f) {
      this.#buf[this.#at++] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    this.#buf[this.#at++] = length;
    this.#buf.set(message, this.#at);
    this.#at += message.length;
  }

  flush(): void {
    this.#file.write(this.#buf.subarray(0, this.#at));
    this.#at = 0;
  }

  close(): void {
    this.flush();
    this.#file.close();
  }
}
