import type { Request } from 'express';
import type { Scope } from './scopes.js';

/** Who sends a request. */
export interface Principal {
  readonly kind: 'anonymous' | 'api-key' | 'user';
  /** The caller: owns idempotency keys and is the actor in histories; at most 260 characters, none of them a control character. */
  readonly id: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The `sub` of a user; null for all others. */
  readonly subject: string | null;
}

export const ANONYMOUS: Principal = { kind: 'anonymous', id: 'anonymous', scopes: new Set(), subject: null };

export function apiKeyPrincipal(id: string, scopes: Iterable<Scope>): Principal {
  return { kind: 'api-key', id: `key:${id}`, scopes: new Set(scopes), subject: null };
}

export function userPrincipal(subject: string, scopes: ReadonlySet<Scope>): Principal {
  return { kind: 'user', id: userId(subject), scopes, subject };
}

/** The {@link Principal.id} of a user. */
export function userId(subject: string): string {
  return `user:${subject}`;
}

export function hasScope(principal: Principal, scope: Scope): boolean {
  return principal.scopes.has(scope) || principal.scopes.has('admin');
}

interface Grant {
  principal: Principal;
  /** See {@link ownerOf}. */
  owner: string | null;
}

const grants = new WeakMap<Request, Grant>();

/** Called by the guard once a request is let in. */
export function grant(request: Request, principal: Principal, owner: string | null): void {
  grants.set(request, { principal, owner });
}

export function principalOf(request: Request): Principal {
  return grants.get(request)?.principal ?? ANONYMOUS;
}

/** {@link Principal.id} of who sends the request. */
export function callerOf(request: Request): string {
  return principalOf(request).id;
}

/** The customer whose orders alone the request is about, as its `sub`; null when it may be about anybody's. */
export function ownerOf(request: Request): string | null {
  return grants.get(request)?.owner ?? null;
}
