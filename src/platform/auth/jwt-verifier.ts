import { Inject, Injectable, Logger } from '@nestjs/common';
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { IDENTITY_PROVIDER_UNAVAILABLE, tokenInvalid } from './auth.errors.js';
import { isScope, type Scope } from './scopes.js';

/** Signatures by a private key only: with a shared secret, whoever can check a token could make one. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const CLOCK_TOLERANCE_SECONDS = 30;

/** How long keys of the provider are used before they are read again, and how often at most an unknown key makes us look. */
const KEYS_MAX_AGE_MS = 600_000;
const KEYS_COOLDOWN_MS = 10_000;
const KEYS_TIMEOUT_MS = 5_000;

const SUBJECT = /^[\x20-\x7e]{1,255}$/;

/** What jose throws when the keys could not be read, as opposed to when the token is not good. */
const PROVIDER_FAILURES = [errors.JWKSTimeout, errors.JWKSInvalid];

export interface VerifiedToken {
  subject: string;
  scopes: ReadonlySet<Scope>;
}

/** Checks access tokens of the one OpenID Connect issuer that is configured. Without one, no token is good. */
@Injectable()
export class JwtVerifier {
  private readonly logger = new Logger(JwtVerifier.name);
  private readonly keys: JWTVerifyGetKey | null;

  constructor(
    @Inject(ENVIRONMENT)
    private readonly settings: Pick<Environment, 'AUTH_JWT_ISSUER' | 'AUTH_JWT_AUDIENCE' | 'AUTH_JWKS_URL'>,
  ) {
    const url = settings.AUTH_JWKS_URL;
    this.keys = url
      ? createRemoteJWKSet(new URL(url), {
          cacheMaxAge: KEYS_MAX_AGE_MS,
          cooldownDuration: KEYS_COOLDOWN_MS,
          timeoutDuration: KEYS_TIMEOUT_MS,
        })
      : null;
  }

  /** @throws DomainError `unauthenticated` without telling why, `identity-provider-unavailable` */
  async verify(token: string): Promise<VerifiedToken> {
    if (!this.keys) throw tokenInvalid();
    const payload = await this.payloadOf(token, this.keys);
    if (!SUBJECT.test(payload.sub ?? '')) throw tokenInvalid();
    return { subject: payload.sub!, scopes: scopesOf(payload) };
  }

  private async payloadOf(token: string, keys: JWTVerifyGetKey): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: this.settings.AUTH_JWT_ISSUER!,
        audience: this.settings.AUTH_JWT_AUDIENCE!,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'sub'],
      });
      return payload;
    } catch (error) {
      this.logger.debug(`Token refused: ${(error as Error).message}`);
      if (isFailureOfProvider(error)) throw providerUnavailable(error);
      throw tokenInvalid();
    }
  }
}

/**
 * Whether the keys could not be had. jose's errors about tokens have classes of their own, and its plain `JOSEError` says that
 * the provider's answer was not 200 or no JSON; what is no error of jose comes from the connection.
 */
function isFailureOfProvider(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return error.constructor === errors.JOSEError || PROVIDER_FAILURES.some((failure) => error instanceof failure);
}

function providerUnavailable(cause: unknown): DomainError {
  return new DomainError(IDENTITY_PROVIDER_UNAVAILABLE, IDENTITY_PROVIDER_UNAVAILABLE.example.detail, {}, { cause });
}

/** `scope` is a list in one string (RFC 8693), `scp` the same or an array: providers differ. What is not ours does not count. */
function scopesOf({ scope, scp }: JWTPayload): Set<Scope> {
  const named = [scope, scp].flatMap((value) =>
    typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [],
  );
  return new Set(named.filter(isScope));
}
