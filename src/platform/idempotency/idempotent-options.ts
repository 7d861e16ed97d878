export const IDEMPOTENT = Symbol('IDEMPOTENT');

export interface IdempotentOptions {
  /** Whether the header must be there. */
  required: boolean;
  /** Filled in by Swagger UI; another one per operation, since a key belongs to one request. */
  exampleKey?: string;
  /** Address of what was created, from the body. */
  location?: (body: { id: string; eventId: string }) => string;
}
