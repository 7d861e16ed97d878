import { createHash, randomBytes } from 'node:crypto';

export const API_KEY_START = 'hf_';

const PREFIX_BYTES = 8;
const SECRET_BYTES = 32;
/** How a key begins: what is shown of it later. */
export const API_KEY_PREFIX_TEXT = { shape: /^hf_[0-9a-f]{16}$/, min: 19, max: 19 } as const;
export const API_KEY_TEXT = { shape: /^hf_[0-9a-f]{16}_[0-9a-f]{64}$/, min: 84, max: 84 } as const;

export interface ApiKeyToken {
  /** Names the key; no secret. */
  prefix: string;
  /** In hexadecimal. */
  secretHash: string;
}

/** A new key, `hf_<prefix>_<secret>`: the prefix finds it, the secret has 256 bits and is stored as its SHA-256 only. */
export function newApiKey(): ApiKeyToken & { key: string } {
  const prefix = randomBytes(PREFIX_BYTES).toString('hex');
  const secret = randomBytes(SECRET_BYTES).toString('hex');
  return { prefix, secretHash: sha256(secret), key: `${API_KEY_START}${prefix}_${secret}` };
}

export function parseApiKey(token: string): ApiKeyToken | null {
  if (!API_KEY_TEXT.shape.test(token)) return null;
  const [, prefix = '', secret = ''] = token.split('_');
  return { prefix, secretHash: sha256(secret) };
}

/** A plain hash is enough: the secret is random and too long to be guessed. */
function sha256(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
