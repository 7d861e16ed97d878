import { Inject, Injectable, Logger } from '@nestjs/common';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { tokenInvalid } from './auth.errors.js';
import { providerKeys } from './provider-keys.js';
import { isScope, type Scope } from './scopes.js';

/** Signatures by a private key only: with a shared secret, whoever can check a token could make one. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const CLOCK_TOLERANCE_SECONDS = 30;

const SUBJECT = /^[\x20-\x7e]{1,255}$/;

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
    this.keys = settings.AUTH_JWKS_URL ? providerKeys(new URL(settings.AUTH_JWKS_URL)) : null;
  }

  /** @throws DomainError `unauthenticated` without telling why, `identity-provider-unavailable` */
  async verify(token: string): Promise<VerifiedToken> {
    if (!this.keys) throw tokenInvalid();
    const payload = await this.payloadOf(token, this.keys);
    const { sub } = payload;
    if (typeof sub === 'string' && SUBJECT.test(sub)) return { subject: sub, scopes: scopesOf(payload) };
    this.logger.debug('A token is refused: its sub is not 1 to 255 printable characters');
    throw tokenInvalid();
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
      if (error instanceof DomainError) throw error;
      // Not the message: jose may quote the token in it.
      this.logger.debug(`A token is refused: ${error instanceof errors.JOSEError ? error.code : (error as Error).name}`);
      throw tokenInvalid();
    }
  }
}

/** `scope` is a list in one string (RFC 8693), `scp` the same or an array: providers differ. What is not ours does not count. */
function scopesOf({ scope, scp }: JWTPayload): Set<Scope> {
  const named = [scope, scp].flatMap((value) =>
    typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [],
  );
  return new Set(named.filter(isScope));
}
