/** A sleeper that others can wake: before its time, and also before it sleeps. */
export class Wake {
  #isWanted = false;
  #end: (() => void) | null = null;

  wake(): void {
    this.#isWanted = true;
    this.#end?.();
  }

  /** Sleeps up to `ms`, and not at all if somebody called since the last sleep. */
  async sleep(ms: number): Promise<void> {
    if (!this.#isWanted && ms > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#end = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      this.#end = null;
    }
    this.#isWanted = false;
  }
}
