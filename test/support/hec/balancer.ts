/**
 * A load balancer with a cookie, before one indexer or more: `SPANLB=<indexer>.<epoch>`.
 *
 * Without a cookie the indexers take turns. A flip raises the epoch: a cookie of an older one is answered by another indexer and with
 * a new cookie, as when a target leaves the group. One that is not sticky sets no cookie and heeds none.
 */
import type { Indexer } from './indexer.ts';

/** `SPANLB=<indexer>.<epoch>` among the cookies of a request. */
const COOKIE = /(?:^|; )SPANLB=(\d+)\.(\d+)/;
const COOKIE_NAME = 'SPANLB';

export class Balancer {
  isSticky: boolean;
  readonly #indexers: readonly Indexer[];
  #epoch = 0;
  #turn = 0;

  constructor(indexers: readonly Indexer[], isSticky: boolean) {
    this.#indexers = indexers;
    this.isSticky = isSticky;
  }

  /** The indexer for a request, and the `Set-Cookie` that its answer carries. */
  route(cookies: string | undefined): { readonly indexer: Indexer; readonly setCookie: string | null } {
    const { length } = this.#indexers;
    if (length === 1) return { indexer: this.#indexers[0]!, setCookie: null };
    const held = this.isSticky ? COOKIE.exec(cookies ?? '') : null;
    if (held !== null && Number(held[2]) === this.#epoch)
      return { indexer: this.#indexers[Number(held[1]) % length]!, setCookie: null };
    const chosen = held === null ? this.#turn++ % length : (Number(held[1]) + 1) % length;
    const setCookie = this.isSticky ? `${COOKIE_NAME}=${chosen}.${this.#epoch}; Path=/; HttpOnly` : null;
    return { indexer: this.#indexers[chosen]!, setCookie };
  }

  flip(): void {
    this.#epoch += 1;
  }
}
