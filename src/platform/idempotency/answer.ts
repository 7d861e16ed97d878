/** What a request is answered with, now or at any repeat. */
export class Answer<T = unknown> {
  constructor(
    readonly status: number,
    readonly body: T,
    /** Whether this is the remembered answer of an earlier request with the same key. */
    readonly replayed = false,
  ) {}
}
