import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';

export const ISSUER = 'https://identity.example.com/';
export const AUDIENCE = 'https://tickets.example.com';

interface SigningKey {
  kid: string;
  algorithm: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset;

/** A provider of access tokens whose keys are served over real HTTP. */
export class IdentityProvider {
  /** How often the keys were asked for. */
  asked = 0;
  failing = false;
  private published: SigningKey[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<IdentityProvider> {
    const server = createServer(
      (_, response) => void provider.answer().then(([status, body]) => response.writeHead(status).end(body)),
    );
    const provider = new IdentityProvider(server);
    await provider.rotate();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return provider;
  }

  /** The settings of an app that trusts it. */
  get environment(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return { AUTH_JWT_ISSUER: ISSUER, AUTH_JWT_AUDIENCE: AUDIENCE, AUTH_JWKS_URL: `http://127.0.0.1:${port}/keys` };
  }

  get key(): SigningKey {
    return this.published[0]!;
  }

  /** Publishes a new key in the place of the old one. */
  async rotate(algorithm = 'RS256'): Promise<void> {
    this.published = [await newKey(algorithm)];
  }

  /** A token that is good, but for what is given otherwise; a claim that is undefined is left out. */
  token(claims: JWTPayload, key: Pick<SigningKey, 'kid' | 'algorithm' | 'privateKey'> = this.key): Promise<string> {
    const payload = { iss: ISSUER, aud: AUDIENCE, iat: seconds(0), exp: seconds(300), ...claims };
    return new SignJWT(payload).setProtectedHeader({ alg: key.algorithm, kid: key.kid }).sign(key.privateKey);
  }

  /** Tokens of `sub` that are not good, each for its own reason. */
  async badTokens(sub: string): Promise<Record<string, string>> {
    const claims = { sub, scope: 'admin' };
    const good = await this.token(claims);
    const { kid, publicKey } = this.key;
    const stranger = await newKey('RS256');
    const [head, , signature] = good.split('.');
    const payload = encoded({ iss: ISSUER, aud: AUDIENCE, exp: seconds(300), ...claims });
    const hs256 = (secret: string) =>
      new SignJWT({ iss: ISSUER, aud: AUDIENCE, exp: seconds(300), ...claims })
        .setProtectedHeader({ alg: 'HS256', kid })
        .sign(new TextEncoder().encode(secret));
    return {
      'wrong issuer': await this.token({ ...claims, iss: 'https://elsewhere.example.com/' }),
      'no issuer': await this.token({ ...claims, iss: undefined }),
      'wrong audience': await this.token({ ...claims, aud: 'https://other.example.com' }),
      expired: await this.token({ ...claims, exp: seconds(-31) }),
      'without an end': await this.token({ ...claims, exp: undefined }),
      'not yet valid': await this.token({ ...claims, nbf: seconds(60) }),
      nobody: await this.token({ ...claims, sub: undefined }),
      'a subject that is a number': await this.token({ ...claims, sub: 1 as unknown as string }),
      'an empty subject': await this.token({ ...claims, sub: '' }),
      'a subject with a line break': await this.token({ ...claims, sub: 'a\nb' }),
      'a subject that is too long': await this.token({ ...claims, sub: 'x'.repeat(256) }),
      'alg none': `${encoded({ alg: 'none', kid })}.${payload}.`,
      'HS256 with the public key': await hs256(await exportSPKI(publicKey)),
      'HS256 with the public JWK': await hs256(JSON.stringify(await exportJWK(publicKey))),
      'unknown kid': await this.token(claims, stranger),
      'the kid of another key': await this.token(claims, { ...stranger, kid }),
      'a key in its header': await signedWithItsOwnKey(stranger, claims),
      'another payload': `${head}.${payload}.${signature}`,
      'cut short': good.slice(0, -4),
      'too long': await this.token({ ...claims, more: 'x'.repeat(9_000) }),
      'no token at all': 'abc',
    };
  }

  stop(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((closed) => this.server.close(closed));
  }

  private async answer(): Promise<[number, string]> {
    this.asked += 1;
    if (this.failing) return [500, 'down'];
    const keys = await Promise.all(this.published.map(publicJwk));
    return [200, JSON.stringify({ keys })];
  }
}

async function newKey(algorithm: string): Promise<SigningKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  return { kid: crypto.randomUUID(), algorithm, ...pair };
}

async function publicJwk({ kid, algorithm, publicKey }: SigningKey): Promise<JWK> {
  return { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

async function signedWithItsOwnKey(key: SigningKey, claims: JWTPayload): Promise<string> {
  const jwk = await publicJwk(key);
  return new SignJWT({ iss: ISSUER, aud: AUDIENCE, exp: seconds(300), ...claims })
    .setProtectedHeader({ alg: key.algorithm, kid: key.kid, jwk })
    .sign(key.privateKey);
}
