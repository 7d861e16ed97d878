/** How many reads of one kind run at once: more would make smaller batches, and one that hangs would stop them all. */
const RUNNING_MAX = 2;

interface Waiting<Key, Value> {
  readonly key: Key;
  resolve(value: Value | undefined): void;
  reject(error: unknown): void;
}

/**
 * Look-ups that come while others are being read share the next statement, so that thousands of them cost as many statements
 * as there is time for, and never more than {@link RUNNING_MAX} connections. Nothing is kept: a look-up is answered only by a
 * read that began after it came, so it sees all that was committed before.
 */
export class BatchedReads<Key, Value> {
  private readonly waiting: Array<Waiting<Key, Value>> = [];
  private running = 0;

  /**
   * @param read reads many (distinct, by identity) keys with one statement; what it leaves out is `undefined`
   * @param batchMax most look-ups that share a statement
   */
  constructor(
    private readonly read: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
    private readonly batchMax = 1_000,
  ) {}

  /** @throws what the read of its batch threw */
  get(key: Key): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ key, resolve, reject });
      this.start();
    });
  }

  private start(): void {
    while (this.running < RUNNING_MAX && this.waiting.length > 0) void this.run(this.waiting.splice(0, this.batchMax));
  }

  private async run(batch: ReadonlyArray<Waiting<Key, Value>>): Promise<void> {
    this.running += 1;
    try {
      const values = await this.read([...new Set(batch.map(({ key }) => key))]);
      for (const { key, resolve } of batch) resolve(values.get(key));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.running -= 1;
      this.start();
    }
  }
}
