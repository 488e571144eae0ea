/** What scoring says of one handshake: the five fields of the published detection. */
export interface DetectionScore {
  /** 3 or 0. */
  readonly selfSigned: number;
  /** 2 or 0. */
  readonly weakCn: number;
  /** 2 or 0. */
  readonly mismatch: number;
  readonly risk: number;
  /** As the search's `case` gives it; only where the search would report the event (risk > 1), else `None`. */
  readonly level: 'High' | 'Medium' | 'Low' | 'None';
  /** Short stable ids with a sentence each, in order of weight. Empty when nothing was found. */
  readonly reasons: readonly Reason[];
}

export interface Reason {
  /** `self_signed`, `placeholder_name`, `name_mismatch`. */
  readonly id: string;
  readonly weight: number;
  /** ATT&CK technique. */
  readonly technique: string;
  /** For a person: `CN=localhost is a placeholder name`. */
  readonly sentence: string;
}

export const ScoringMode = { Faithful: 'faithful', Refined: 'refined' } as const;
export type ScoringMode = (typeof ScoringMode)[keyof typeof ScoringMode];
