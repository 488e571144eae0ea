/**
 * The cookies of one channel at one endpoint. A load balancer binds a client to an indexer with one; it is sent back, and a change
 * of it means that another indexer answers, which knows nothing of the acknowledgements we wait for.
 *
 * One endpoint, one path: `Path`, `Domain` and `Secure` have nothing to choose between and are ignored.
 */

/** More than any load balancer sets; a server that sets a new name each time must not fill the memory. */
const MAX_COOKIES = 32;
const MAX_COOKIE_CHARS = 4096;
/** AWS's application load balancers write a new value with every answer, from the same target too: a change of it says nothing. */
const ROTATING = /^AWSALB(?:TG)?(?:CORS)?$/;

export class CookieJar {
  readonly #cookies = new Map<string, string>();
  readonly #rotating = new Set<string>();

  /** A jar with the same contents, for the channel that follows. */
  copy(): CookieJar {
    const jar = new CookieJar();
    for (const [name, value] of this.#cookies) jar.#cookies.set(name, value);
    for (const name of this.#rotating) jar.#rotating.add(name);
    return jar;
  }

  /** Takes the `Set-Cookie` headers of an answer; says which cookie now has another value than before, if one has. */
  take(setCookies: readonly string[], nowMs: number): string | null {
    let changed: string | null = null;
    for (const header of setCookies) {
      const [pair = '', ...attributes] = header.slice(0, MAX_COOKIE_CHARS).split(';');
      const equals = pair.indexOf('=');
      const name = pair.slice(0, Math.max(0, equals)).trim();
      if (name === '') continue;
      const value = pair.slice(equals + 1).trim();
      const before = this.#cookies.get(name);
      if (isExpired(attributes, nowMs)) {
        this.#cookies.delete(name);
        if (before !== undefined && !this.#isRotating(name)) changed = name;
        continue;
      }
      if (before === undefined && this.#cookies.size >= MAX_COOKIES) continue;
      this.#cookies.set(name, value);
      if (before !== undefined && before !== value && !this.#isRotating(name)) changed = name;
    }
    return changed;
  }

  /** From now on a change of this cookie says nothing: it changes with every answer. */
  ignoreChangesOf(name: string): void {
    if (this.#rotating.size < MAX_COOKIES) this.#rotating.add(name);
  }

  /** The `Cookie` header; empty where there is none. */
  header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #isRotating(name: string): boolean {
    return ROTATING.test(name) || this.#rotating.has(name);
  }
}

function isExpired(attributes: readonly string[], nowMs: number): boolean {
  for (const attribute of attributes) {
    const [name = '', value = ''] = attribute.split('=');
    const key = name.trim().toLowerCase();
    if (key === 'max-age') return Number(value) <= 0;
    if (key === 'expires' && Date.parse(value) <= nowMs) return true;
  }
  return false;
}
