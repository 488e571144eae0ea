/**
 * Takes secrets out of text that leaves the sensor: errors, the server's words, logs. Every token, password and passphrase that was
 * ever known is given to `learn`, also in the forms in which a peer may echo it.
 */

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';
/** A shorter one would blank out ordinary words; a real token is a GUID. */
const MIN_SECRET_CHARS = 4;
/** Rotated once an hour, for six weeks. The oldest goes first. */
const MAX_SECRETS = 1_000;

export class Redactor {
  readonly #secrets = new Set<string>();

  learn(secret: string): void {
    if (secret.length < MIN_SECRET_CHARS) return;
    const base64 = Buffer.from(secret).toString('base64');
    const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64];
    for (const form of forms) {
      // Learned again: it is young once more.
      this.#secrets.delete(form);
      this.#secrets.add(form);
      if (this.#secrets.size > MAX_SECRETS) this.#secrets.delete(this.#secrets.values().next().value ?? '');
    }
  }

  redact(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = replaceAnyCase(clean, secret);
    return clean;
  }
}

/** GUIDs are echoed in either case. */
function replaceAnyCase(text: string, secret: string): string {
  const wanted = secret.toLowerCase();
  let lower = text.toLowerCase();
  // A few characters change their length with their case; then the two texts don't line up.
  if (lower.length !== text.length) lower = text;
  let clean = '';
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    clean += text.slice(from, at) + REDACTED;
    from = at + secret.length;
  }
  return clean + text.slice(from);
}
