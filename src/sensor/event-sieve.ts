/** Which handshakes become events: past the filter and the least risk, numbered behind both, so that a gap in `seq` means a lost event. */
import type { ConnectionFacts, EventFacts } from '../event/event-facts.ts';
import { countIn } from './counters.ts';
import type { EventPredicate } from './filter.ts';
import { addByName, type CountsByName } from './pipeline-counts.ts';

/**
 * Share of duplicates among a connection's packets from which the mirror port sends all of them twice. Then a quarter is usual, since
 * only what carries data is known to be a duplicate; retransmission stays far below.
 */
const DOUBLED_SHARE = 0.15;

/** Handshakes = kept + belowMinRisk + filtered. */
export interface SieveCounts {
  /** Passed the filter and the least risk. */
  readonly kept: number;
  readonly belowMinRisk: number;
  readonly filtered: number;
  /** Among those kept. */
  readonly findings: number;
  readonly findingsByLevel: CountsByName;
  /** Packets of one side only were seen. */
  readonly oneDirection: number;
  /** Packets seem to come twice. */
  readonly doubled: number;
}

export const NO_SIEVE_COUNTS: SieveCounts = {
  kept: 0,
  belowMinRisk: 0,
  filtered: 0,
  findings: 0,
  findingsByLevel: {},
  oneDirection: 0,
  doubled: 0,
};

export interface SieveRules {
  readonly filter: EventPredicate | null;
  readonly minRisk: number;
}

export class EventSieve {
  /** May change while events pass. */
  rules: SieveRules;
  #kept = 0;
  #belowMinRisk = 0;
  #filtered = 0;
  #findings = 0;
  #oneDirection = 0;
  #doubled = 0;
  readonly #findingsByLevel = new Map<string, number>();

  constructor(rules: SieveRules) {
    this.rules = rules;
  }

  get kept(): number {
    return this.#kept;
  }

  get findings(): number {
    return this.#findings;
  }

  /** True for an event that stays; it has its number then. */
  pass(facts: EventFacts): boolean {
    const { filter, minRisk } = this.rules;
    this.#judgeMirror(facts.connection);
    if (filter !== null && !filter(facts)) {
      this.#filtered += 1;
      return false;
    }
    if (facts.score.risk < minRisk) {
      this.#belowMinRisk += 1;
      return false;
    }
    facts.seq = this.#kept;
    this.#kept += 1;
    if (this.isFinding(facts)) {
      this.#findings += 1;
      countIn(this.#findingsByLevel, facts.score.level);
    }
    return true;
  }

  /** Whether an event that passed is worth a person's look: what the search reports, or any risk to who asked for some. */
  isFinding({ score }: EventFacts): boolean {
    return score.level !== 'None' || (this.rules.minRisk > 0 && score.risk > 0);
  }

  counts(): SieveCounts {
    return {
      kept: this.#kept,
      belowMinRisk: this.#belowMinRisk,
      filtered: this.#filtered,
      findings: this.#findings,
      findingsByLevel: Object.fromEntries(this.#findingsByLevel),
      oneDirection: this.#oneDirection,
      doubled: this.#doubled,
    };
  }

  #judgeMirror(c: ConnectionFacts): void {
    if (c.packetsIn === 0 || c.packetsOut === 0) this.#oneDirection += 1;
    const duplicates = c.duplicatePacketsIn + c.duplicatePacketsOut;
    if (duplicates > (c.packetsIn + c.packetsOut) * DOUBLED_SHARE) this.#doubled += 1;
  }
}

export function addSieveCounts(a: SieveCounts, b: SieveCounts): SieveCounts {
  return {
    kept: a.kept + b.kept,
    belowMinRisk: a.belowMinRisk + b.belowMinRisk,
    filtered: a.filtered + b.filtered,
    findings: a.findings + b.findings,
    findingsByLevel: addByName(a.findingsByLevel, b.findingsByLevel),
    oneDirection: a.oneDirection + b.oneDirection,
    doubled: a.doubled + b.doubled,
  };
}
