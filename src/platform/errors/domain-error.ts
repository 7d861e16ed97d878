/** What kind of refusal a problem is; the HTTP status follows from it, in one place (`problem.filter.ts`). */
export type ProblemKind =
  | 'malformed'
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'conflict'
  | 'gone'
  | 'stale'
  | 'too-large'
  | 'unsupported-media'
  | 'out-of-range'
  | 'precondition-required'
  | 'rate-limited'
  | 'unavailable'
  | 'internal';

/** One entry of the catalogue of problems. `code` is stable: clients decide by it. */
export interface ProblemDefinition {
  readonly code: string;
  readonly kind: ProblemKind;
  readonly title: string;
  /** Example of what `detail` and the extension members look like, for the OpenAPI document. */
  readonly example: { detail: string; [member: string]: unknown };
  /** OpenAPI schemas of its extension members. */
  readonly members?: Record<string, object>;
  /** Those of extension members that are not always there. */
  readonly optionalMembers?: Record<string, object>;
}

const catalogue = new Map<string, ProblemDefinition>();

/** Registers a problem code. Each code is defined once, by the module that raises it. */
export function defineProblem(definition: ProblemDefinition): ProblemDefinition {
  if (catalogue.has(definition.code)) throw new Error(`Problem code ${definition.code} is defined twice`);
  catalogue.set(definition.code, definition);
  return definition;
}

/** Every problem code of the running application. */
export function allProblems(): ProblemDefinition[] {
  return [...catalogue.values()].toSorted((a, b) => a.code.localeCompare(b.code));
}

/** Bounds of `Retry-After`: a caller who would have to wait longer than an hour may as well ask again after an hour. */
export const RETRY_AFTER_SECONDS_BOUNDS = { min: 1, max: 3_600 } as const;

/**
 * A refusal that the caller is told about: becomes problem+json. `details` are its extension members. It is an answer, not a
 * fault of the program, so it takes no stack, which would be a good part of what a refusal costs; what failed is its `cause`.
 */
export class DomainError extends Error {
  /** When it is worth trying again, for the kinds that say so: whole seconds within {@link RETRY_AFTER_SECONDS_BOUNDS}. */
  readonly retryAfterSeconds: number;
  /** Of the answer, besides those that every problem has. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly problem: ProblemDefinition,
    readonly detail: string,
    readonly details: Record<string, unknown> = {},
    options: ErrorOptions & { retryAfterSeconds?: number; headers?: Record<string, string> } = {},
  ) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`${problem.code}: ${detail}`, options);
    Error.stackTraceLimit = stackTraceLimit;
    const { min, max } = RETRY_AFTER_SECONDS_BOUNDS;
    this.retryAfterSeconds = Math.min(Math.max(Math.ceil(options.retryAfterSeconds ?? min), min), max);
    this.headers = options.headers ?? {};
  }

  get code(): string {
    return this.problem.code;
  }
}

/** One fault of a request; `pointer` is a JSON Pointer (RFC 6901) into the body, or the name of a query parameter. */
export interface FieldError {
  pointer: string;
  detail: string;
}
