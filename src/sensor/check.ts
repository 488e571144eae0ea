/** One thing that the doctor looked at: how it stands, what was seen, and what to do about it. */

/** `note`: worth knowing, or not looked at; nothing is wrong. `warn`: something is lost or wrong in events. `fail`: no capture worth having. */
export type Verdict = 'ok' | 'note' | 'warn' | 'fail';

export interface Check {
  /** A stable name, for scripts. */
  readonly id: string;
  readonly verdict: Verdict;
  /** One sentence. */
  readonly seen: string;
  /** Null where nothing is to be done. */
  readonly cure: string | null;
}

const ORDER: readonly Verdict[] = ['ok', 'note', 'warn', 'fail'];

/** Puts the full stop behind the sentence. */
export function check(id: string, verdict: Verdict, seen: string, cure: string | null = null): Check {
  return { id, verdict, seen: `${seen}.`, cure };
}

export function worstOf(checks: readonly Check[]): Verdict {
  return checks.reduce<Verdict>(
    (worst, { verdict }) => (ORDER.indexOf(verdict) > ORDER.indexOf(worst) ? verdict : worst),
    'ok',
  );
}
