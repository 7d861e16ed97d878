import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError, ENVIRONMENT, type Environment } from '../../extension.js';
import { WEBHOOKS_NOT_CONFIGURED } from './webhooks.errors.js';

const CIPHER = 'aes-256-gcm';
const FORMAT = 'v1.';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SECRET_BYTES = 32;

/** As Standard Webhooks writes it. */
export const SECRET_PREFIX = 'whsec_';

export function newSecret(): string {
  return SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/** Keeps secrets that have to be had back, since they sign: encrypted, and bound to the endpoint whose they are. */
@Injectable()
export class SecretBox {
  constructor(@Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'WEBHOOK_SECRET_KEY'>) {}

  /** @throws DomainError `webhooks-not-configured` */
  seal(secret: string, endpointId: string): string {
    const key = this.environment.WEBHOOK_SECRET_KEY?.[0];
    if (!key) throw new DomainError(WEBHOOKS_NOT_CONFIGURED, WEBHOOKS_NOT_CONFIGURED.example.detail);
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, key, iv).setAAD(Buffer.from(endpointId));
    const sealed = [iv, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()];
    return FORMAT + Buffer.concat(sealed).toString('base64url');
  }

  /** @throws Error when none of the keys opens it */
  open(sealed: string, endpointId: string): string {
    const bytes = Buffer.from(sealed.slice(FORMAT.length), 'base64url');
    for (const key of this.environment.WEBHOOK_SECRET_KEY ?? []) {
      try {
        const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
          .setAAD(Buffer.from(endpointId))
          .setAuthTag(bytes.subarray(-TAG_BYTES));
        return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        // Sealed with another of the keys, maybe.
      }
    }
    throw new Error('The secret cannot be decrypted: WEBHOOK_SECRET_KEY lacks the key that it was encrypted with.');
  }
}
