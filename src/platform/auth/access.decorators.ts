import { applyDecorators, createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiSecurity } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import type { Request } from 'express';
import { ApiProblems } from '../http/openapi.js';
import { FORBIDDEN, IDENTITY_PROVIDER_UNAVAILABLE, UNAUTHENTICATED } from './auth.errors.js';
import { callerOf, hasScope, ownerOf, principalOf } from './principal.js';
import type { Scope } from './scopes.js';

export const ACCESS = Symbol('ACCESS');
/** The name of the security scheme in the OpenAPI document. */
export const BEARER = 'bearer';

/** Who may call a handler. A handler without any is closed. */
export type Access =
  { kind: 'open'; recognisesCallers: boolean } | { kind: 'public' } | { kind: 'scope'; scope: Scope; orCustomer: boolean };

function access(value: Access, ...others: MethodDecorator[]): MethodDecorator {
  return applyDecorators(SetMetadata(ACCESS, value), ...others);
}

/** For everybody; credentials are not even looked at. For what monitors ask. */
export const Open = () => access({ kind: 'open', recognisesCallers: false }, ApiSecurity({}));

/** For everybody, also with credentials that are not good or cannot be checked now; who sends good ones may see more. Counted by no limit. */
export const OpenToStrangers = () =>
  access({ kind: 'open', recognisesCallers: true }, ApiSecurity({}), SkipThrottle({ caller: true }));

/** For everybody; who sends credentials may see more, and is told when they are not good. */
export const Public = () =>
  access({ kind: 'public' }, ApiSecurity({}), ApiBearerAuth(BEARER), ApiProblems(UNAUTHENTICATED, IDENTITY_PROVIDER_UNAVAILABLE));

/** For callers with the scope. */
export const RequireScope = (scope: Scope) =>
  access({ kind: 'scope', scope, orCustomer: false }, ...documentScope(scope, `Needs the scope \`${scope}\`.`));

/**
 * For callers with the scope, and for signed-in customers (users without it) as far as it is about their own orders: the
 * handler must restrict itself to {@link Owner}.
 */
export const RequireScopeOrCustomer = (scope: Scope) =>
  access(
    { kind: 'scope', scope, orCustomer: true },
    ...documentScope(scope, `Needs the scope \`${scope}\`; a signed-in customer needs none for what is their own.`),
  );

function documentScope(scope: Scope, note: string): MethodDecorator[] {
  return [
    ApiBearerAuth(BEARER),
    ApiExtension('x-required-scope', scope),
    ApiExtension(ACCESS_NOTE, note),
    ApiProblems(UNAUTHENTICATED, FORBIDDEN, IDENTITY_PROVIDER_UNAVAILABLE),
  ];
}

/** Until `openapi-document.ts` adds it to the description of the operation. */
export const ACCESS_NOTE = 'x-access-note';

const requestOf = (context: ExecutionContext) => context.switchToHttp().getRequest<Request>();

/** The customer whose orders alone the request may be about, as its `sub`; null: anybody's. */
export const Owner = createParamDecorator((_: unknown, context: ExecutionContext) => ownerOf(requestOf(context)));

/** Who sends the request, as histories name it: `key:…`, `user:…`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) => callerOf(requestOf(context)));

/** Whether who asks has the scope, for handlers that show some callers more. */
export const HasScope = createParamDecorator((scope: Scope, context: ExecutionContext) =>
  hasScope(principalOf(requestOf(context)), scope),
);
