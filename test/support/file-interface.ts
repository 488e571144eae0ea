/** An "interface" of `file-capture-worker.ts`, as JSON in place of a name. */
export interface FileInterface {
  readonly path: string;
  /** Flows are spread over so many. */
  readonly workers: number;
  /** The file comes so many times. */
  readonly rounds?: number;
  /** Calls of `next` of the first worker at which it fails, its process ends, or the cable is pulled. */
  readonly failAt?: number;
  readonly exitAt?: number;
  readonly linkDownAt?: number;
  /** The second worker can't open it. */
  readonly refuse?: boolean;
}
