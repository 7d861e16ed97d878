import { Injectable, Logger, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import pTimeout from 'p-timeout';
import { DomainError } from '../errors/domain-error.js';
import { AddressLimits } from '../rate-limits/address-limits.js';
import { ACCESS, type Access } from './access.decorators.js';
import { ApiKeyAuthenticator } from './api-key-authenticator.js';
import { FORBIDDEN, scopeMissing, tokenInvalid, tokenMissing, UNAUTHENTICATED } from './auth.errors.js';
import { API_KEY_START } from './api-key-token.js';
import { JwtVerifier } from './jwt-verifier.js';
import { ANONYMOUS, grant, hasScope, userPrincipal, type Principal } from './principal.js';

/** What is open to all does not wait longer to learn who asks: the database may be in trouble, which is when health is asked for. */
const OPEN_PATIENCE_MS = 1_000;
/** Longer tokens are not looked at. */
const TOKEN_MAX = 8_192;
const BEARER_TOKEN = /^bearer +([\x21-\x7e]+) *$/i;

/** Lets a request in to what it is allowed. Everything is closed that does not declare its access. */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly logger = new Logger(AccessGuard.name);

  constructor(
    private readonly reflector: Reflector,
    private readonly apiKeys: ApiKeyAuthenticator,
    private readonly jwts: JwtVerifier,
    private readonly addressLimits: AddressLimits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.get<Access | undefined>(ACCESS, context.getHandler());
    if (!access) {
      this.logger.error(`${context.getClass().name}.${context.getHandler().name} declares no access, so it is closed`);
      throw new DomainError(FORBIDDEN, 'Nobody may do this.');
    }
    if (access.kind === 'open' && !access.recognisesCallers) return true;
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    response.vary('Authorization');
    if (access.kind === 'open') {
      grant(request, await this.recognise(request), null);
      return true;
    }
    const principal = await this.authenticate(request);
    grant(request, principal, access.kind === 'public' ? null : restriction(access, principal));
    return true;
  }

  /** Health is not limited, so that monitors can ask, and would else tell which credentials are good as often as one likes. */
  private async recognise(request: Request): Promise<Principal> {
    if (this.addressLimits.hasTooManyRefusals(request)) return ANONYMOUS;
    const known = this.authenticate(request).catch(() => ANONYMOUS);
    return pTimeout(known, { milliseconds: OPEN_PATIENCE_MS, fallback: () => ANONYMOUS });
  }

  private async authenticate(request: Request): Promise<Principal> {
    try {
      return await this.principalOf(request);
    } catch (error) {
      // Here and not when the answer is sent: a client that does not wait for it would guess uncounted.
      if (error instanceof DomainError && error.problem === UNAUTHENTICATED) this.addressLimits.countRefusal(request);
      throw error;
    }
  }

  private async principalOf(request: Request): Promise<Principal> {
    const [header, ...others] = request.headersDistinct['authorization'] ?? [];
    if (header === undefined) return ANONYMOUS;
    const token = others.length === 0 && header.length <= TOKEN_MAX ? BEARER_TOKEN.exec(header)?.[1] : undefined;
    if (token === undefined) throw tokenInvalid();
    if (token.startsWith(API_KEY_START)) return this.apiKeys.authenticate(token);
    const { subject, scopes } = await this.jwts.verify(token);
    return userPrincipal(subject, scopes);
  }
}

/** @returns whose orders alone the request may be about; null: anybody's */
function restriction({ scope, orCustomer }: Access & { kind: 'scope' }, principal: Principal): string | null {
  if (principal.kind === 'anonymous') throw tokenMissing();
  if (hasScope(principal, scope)) return null;
  if (orCustomer && principal.subject !== null) return principal.subject;
  throw scopeMissing(scope);
}
