/**
 * Milliseconds that only go forward. All waiting is measured with them: a clock that is set back an hour must not stop delivery for
 * an hour. What a server or the spool gives as a date is compared with `Date.now()` instead.
 */
export function steadyMs(): number {
  return performance.now();
}
