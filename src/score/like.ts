/**
 * SPL's `like(text, pattern)`: `%` stands for any run of characters, `_` for exactly one, the whole text must match, and case counts.
 *
 * In the published search the pattern is made of the certificate's subject, so its wildcards are a stranger's. The matcher
 * goes back only to the last `%` (an earlier one can't do better, because what stands between two of them was already found
 * at its first place), which makes it quadratic at worst, where a backtracking regular expression would be exponential.
 *
 * A backslash is an ordinary character here: no documentation of Splunk names an escape. Characters are UTF-16 units, which is
 * exact for dest_host, whose text is ASCII.
 */
import { MAX_LIKE_LEN } from './limits.ts';

const PERCENT = 0x25;
const UNDERSCORE = 0x5f;

/**
 * Whether `text` is like `pattern`. A text over `MAX_LIKE_LEN` is like no pattern that takes more than a look at its end; nothing
 * that long is a host name.
 */
export function isLike(text: string, pattern: string): boolean {
  if (isPlainSuffix(pattern)) return text.endsWith(pattern.slice(1));
  if (text.length > MAX_LIKE_LEN || leastLength(pattern, text.length) > text.length) return false;

  let at = 0;
  let patternAt = 0;
  // Where to resume when what follows the last `%` turns out not to match: -1 before the first one.
  let resumePattern = -1;
  let resumeText = 0;
  while (at < text.length) {
    const want = patternAt < pattern.length ? pattern.charCodeAt(patternAt) : -1;
    if (want === PERCENT) {
      patternAt += 1;
      resumePattern = patternAt;
      resumeText = at;
    } else if (want === UNDERSCORE || want === text.charCodeAt(at)) {
      patternAt += 1;
      at += 1;
    } else if (resumePattern >= 0) {
      resumeText += 1;
      at = resumeText;
      patternAt = resumePattern;
    } else {
      return false;
    }
  }
  while (patternAt < pattern.length && pattern.charCodeAt(patternAt) === PERCENT) patternAt += 1;
  return patternAt === pattern.length;
}

/** `%suffix` without another wildcard: nearly every certificate, and any length of text is cheap. */
function isPlainSuffix(pattern: string): boolean {
  return pattern.charCodeAt(0) === PERCENT && !pattern.includes('%', 1) && !pattern.includes('_');
}

/** Characters that the pattern needs at least; stops counting once they are more than `enough`. */
function leastLength(pattern: string, enough: number): number {
  let least = 0;
  for (let i = 0; i < pattern.length && least <= enough; i++) {
    if (pattern.charCodeAt(i) !== PERCENT) least += 1;
  }
  return least;
}
