/** What the doctor found, for people and for scripts. */
import { type Check, worstOf } from '../sensor/check.ts';

/** A line for each finding with its verdict, and under it what to do. */
export function renderChecks(checks: readonly Check[]): string {
  const lines: string[] = [];
  for (const { id, verdict, seen, cure } of checks) {
    lines.push(`${verdict.padEnd(4)}  ${seen} (${id})`);
    if (cure !== null) lines.push(`      ${cure}`);
  }
  return `${lines.join('\n')}\n`;
}

/** One thing that was examined. */
export interface Examined {
  /** `interface` or `hec`. */
  readonly kind: 'interface' | 'hec';
  /** Its name, or host and port. */
  readonly name: string;
  readonly findings: readonly Check[];
}

/** `verdict` is the worst of all, and of each. */
export function toJson(examined: readonly Examined[]): string {
  const object = {
    verdict: worstOf(examined.flatMap(({ findings }) => findings)),
    examined: examined.map(({ kind, name, findings }) => ({ kind, name, verdict: worstOf(findings), findings })),
  };
  return `${JSON.stringify(object, null, 2)}\n`;
}
