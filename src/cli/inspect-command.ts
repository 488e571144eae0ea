/**
 * `spanglass inspect`: one handshake in full. Without `--index` it is the one with the highest score, the first of equals: who looks
 * into a capture without a number wants to see what is wrong in it.
 */
import { escapeUnsafe } from '../bytes/text.ts';
import { findCaptures } from '../capture/find-captures.ts';
import type { EventFacts } from '../event/event-facts.ts';
import { MAX_FLOWS } from '../flow/limits.ts';
import { ScoringMode } from '../score/score.ts';
import type { EventPredicate } from '../sensor/filter.ts';
import type { HandshakeSink } from '../sensor/handshake-sink.ts';
import { Pipeline } from '../sensor/pipeline.ts';
import { type CaptureResult, replayCaptures } from '../sensor/replay.ts';
import { readArguments } from './arguments.ts';
import type { CliIo } from './cli-io.ts';
import type { CommandSpec } from './command-spec.ts';
import { ExitCode } from './exit-code.ts';
import { toHandshakeText } from './handshake-text.ts';
import { toCountOf } from './quantity-text.ts';
import { readFilter, requirePaths } from './replay-command.ts';
import { toProblem } from './screen.ts';
import { MIN_FLOWS, MOST_FLOWS, readChoice, readNumber, SCORING_MODES } from './settings.ts';

/** Throws `UsageError` before anything is read. */
export async function runInspect(spec: CommandSpec, args: readonly string[], io: CliIo): Promise<ExitCode> {
  const { values, paths } = readArguments(spec, args);
  const index = readNumber(values, 'index', 1, Number.MAX_SAFE_INTEGER);
  const scoring = readChoice(values, 'scoring', SCORING_MODES) ?? ScoringMode.Refined;
  const maxFlows = readNumber(values, 'max-flows', MIN_FLOWS, MOST_FLOWS) ?? MAX_FLOWS;
  requirePaths(paths, 'inspect');
  const chosen = new ChosenHandshake(await readFilter(values.get('filter') ?? null, '--filter'), index);
  const found = await findCaptures(paths);
  let hasProblem = found.problems.length > 0;
  for (const { message } of found.problems) io.stderr.write(`spanglass: ${message}\n`);
  const observer = {
    onProgress: () => {},
    onCapture: (result: CaptureResult) => {
      const problem = toProblem(result, escapeUnsafe(result.path));
      if (problem === null) return;
      hasProblem = true;
      io.stderr.write(`spanglass: ${problem.message}\n`);
    },
  };
  await replayCaptures(found.captures, new Pipeline(chosen, { scoring, maxFlows }), observer, io.interrupt);
  if (io.interrupt.aborted) return ExitCode.Interrupted;
  if (chosen.text !== '') io.stdout.write(`${chosen.toHeadline()}\n\n${chosen.text}`);
  else if (!hasProblem || chosen.total > 0) io.stderr.write(`spanglass: ${chosen.toRefusal()}\n`);
  if (hasProblem) return ExitCode.CaptureFailed;
  return chosen.text === '' ? ExitCode.Failed : ExitCode.Ok;
}

class ChosenHandshake implements HandshakeSink {
  total = 0;
  /** Of the handshake chosen so far; empty while there is none. */
  text = '';
  #matching = 0;
  #chosenIndex = 0;
  #chosenRisk = -1;
  readonly #filter: EventPredicate | null;
  readonly #index: number | null;

  constructor(filter: EventPredicate | null, index: number | null) {
    this.#filter = filter;
    this.#index = index;
  }

  /** The facts are the pipeline's, so the text is made at once; a better one comes a handful of times at most. */
  onHandshake(facts: EventFacts): void {
    this.total += 1;
    if (this.#filter !== null && !this.#filter(facts)) return;
    this.#matching += 1;
    const isChosen = this.#index === null ? facts.score.risk > this.#chosenRisk : this.#matching === this.#index;
    if (!isChosen) return;
    this.#chosenIndex = this.#matching;
    this.#chosenRisk = facts.score.risk;
    this.text = toHandshakeText(facts);
  }

  toHeadline(): string {
    const among = this.#filter === null ? `of ${this.total}` : `of ${this.#matching} that match, ${this.total} in all`;
    const why = this.#index !== null || this.#matching === 1 ? '' : '; the highest score, --index N shows another';
    return `Handshake ${this.#chosenIndex} ${among}${why}`;
  }

  toRefusal(): string {
    if (this.total === 0) return 'there is no TLS handshake in it';
    if (this.#matching === 0) return `none of ${toCountOf(this.total, 'handshake')} matches the filter`;
    return `--index ${this.#index ?? 1}: there are only ${this.#matching}${this.#filter === null ? '' : ' that match'}`;
  }
}
