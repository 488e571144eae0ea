/**
 * An event is a concatenation of fragments: in JSON members joined by commas, in protobuf encoded messages joined by nothing.
 * Most of an event (the chain, the client's hello) is the same for many handshakes, so its bytes are made once, in
 * each form asked for, and live as long as the object they describe.
 */
import type { FieldWriter } from './field-writer.ts';

/** The bytes of one part of an event, where they were made already. */
export interface Fragment {
  json: Uint8Array | null;
  proto: Uint8Array | null;
  isCut: boolean;
}

export function newFragment(): Fragment {
  return { json: null, proto: null, isCut: false };
}

/** Appends a fragment; the first time in this form, `write` makes it. */
export function appendFragment<S>(
  w: FieldWriter,
  fragment: Fragment,
  source: S,
  write: (w: FieldWriter, source: S) => void,
): void {
  const ready = fragment[w.form];
  if (ready !== null) {
    w.raw(ready);
    if (fragment.isCut) w.cuts += 1;
    return;
  }
  const cutsBefore = w.cuts;
  const at = w.position();
  write(w, source);
  fragment[w.form] = w.copyFrom(at);
  fragment.isCut = w.cuts > cutsBefore;
}

export class FragmentCache<S extends object> {
  readonly #fragments = new WeakMap<S, Fragment>();
  readonly #write: (w: FieldWriter, source: S) => void;

  constructor(write: (w: FieldWriter, source: S) => void) {
    this.#write = write;
  }

  append(w: FieldWriter, source: S): void {
    let fragment = this.#fragments.get(source);
    if (fragment === undefined) {
      fragment = newFragment();
      this.#fragments.set(source, fragment);
    }
    appendFragment(w, fragment, source, this.#write);
  }
}
