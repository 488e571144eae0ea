/** Labelled lines under a title. What is not known has no line; a list goes on under its first value. */

const LABEL_LEN = 22;

export class TextBlock {
  readonly #lines: string[];

  constructor(title: string) {
    this.#lines = [title];
  }

  line(label: string, value: string): this {
    if (value !== '') this.#lines.push(`  ${label.padEnd(LABEL_LEN)}${value}`);
    return this;
  }

  /** A value a line. */
  list(label: string, values: readonly string[]): this {
    values.forEach((value, i) => {
      this.#lines.push(`  ${(i === 0 ? label : '').padEnd(LABEL_LEN)}${value}`);
    });
    return this;
  }

  /** A few short values on one line. */
  row(label: string, values: readonly string[]): this {
    return this.line(label, values.join(', '));
  }

  flag(label: string, value: boolean | null): this {
    return value === null ? this : this.line(label, value ? 'yes' : 'no');
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
