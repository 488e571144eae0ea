/**
 * Events as lines of JSON, each an envelope for Splunk's HTTP Event Collector: the file can be posted to
 * `/services/collector/event` as it is.
 */
import type { EventBuilder } from '../event/build-event.ts';
import type { EventFacts } from '../event/event-facts.ts';
import { JsonWriter } from '../event/json-writer.ts';
import type { ByteFile } from './byte-file.ts';

/** Bytes gathered before a write: large enough that the system call is nothing beside the copy. */
const FLUSH_BYTES = 256 * 1024;

export class NdjsonFile {
  readonly #file: ByteFile;
  readonly #builder: EventBuilder;
  readonly #writer = new JsonWriter(FLUSH_BYTES + 64 * 1024);

  constructor(file: ByteFile, builder: EventBuilder) {
    this.#file = file;
    this.#builder = builder;
  }

  write(facts: EventFacts): void {
    this.#builder.writeJson(facts, this.#writer);
    if (this.#writer.position() >= FLUSH_BYTES) this.flush();
  }

  flush(): void {
    this.#file.write(this.#writer.view());
    this.#writer.reset();
  }

  close(): void {
    this.flush();
    this.#file.close();
  }
}
