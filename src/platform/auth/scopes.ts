const CORE_SCOPES = ['events:write', 'bookings:write', 'orders:read', 'orders:write', 'metrics:read', 'admin'] as const;

/** What a caller may do; those of modules are `<noun>:<verb>` too. */
export type Scope = (typeof CORE_SCOPES)[number] | `${string}:${string}`;

/** Every scope of the running application. `admin` implies all others. */
export const SCOPES: Scope[] = [...CORE_SCOPES];

/** The CHECK constraint on `api_keys.scopes` repeats it. */
const MODULE_SCOPE = /^[a-z][a-z-]*:[a-z][a-z-]*$/;

/** Registers the scope of a module, so that keys and tokens can have it. Again: the same scope. */
export function defineScope<S extends `${string}:${string}`>(scope: S): S {
  if (!MODULE_SCOPE.test(scope) || scope.length > 60) throw new Error(`${scope} is no scope: it must be like loyalty:read`);
  if (!SCOPES.includes(scope)) SCOPES.push(scope);
  return scope;
}

export function isScope(value: unknown): value is Scope {
  return (SCOPES as readonly unknown[]).includes(value);
}
