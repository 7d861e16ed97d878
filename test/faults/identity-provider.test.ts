import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { JwtVerifier } from '../../src/platform/auth/jwt-verifier.js';
import { FAILURE_PAUSE_MS, KEYS_MAX_AGE_MS, UNKNOWN_KEY_PAUSE_MS } from '../../src/platform/auth/provider-keys.js';
import { IdentityProvider } from '../support/identity-provider.js';

const CLAIMS = { sub: 'ada', exp: Math.floor(Date.now() / 1000) + 3_600 };
const GOOD = { subject: 'ada' };
const REFUSED = { code: 'unauthenticated' };
const UNAVAILABLE = { code: 'identity-provider-unavailable', retryAfterSeconds: FAILURE_PAUSE_MS / 1000 };

describe('the keys of the identity provider', () => {
  let provider: IdentityProvider;
  let verifier: JwtVerifier;
  let warnings: string[];
  let skippedMs: number;

  beforeEach(async () => {
    provider = await IdentityProvider.start();
    const { AUTH_JWT_ISSUER, AUTH_JWT_AUDIENCE, AUTH_JWKS_URL } = provider.environment;
    verifier = new JwtVerifier({ AUTH_JWT_ISSUER, AUTH_JWT_AUDIENCE, AUTH_JWKS_URL });
    warnings = [];
    skippedMs = 0;
    const now = Date.now;
    jest.spyOn(Date, 'now').mockImplementation(() => now() + skippedMs);
    jest.spyOn(Logger.prototype, 'debug').mockReturnValue();
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((text) => void warnings.push(String(text)));
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await provider.stop();
  });

  const answerTo = (token: string): Promise<unknown> => verifier.verify(token).catch((error: unknown) => error);
  const answersTo = (tokens: string[]): Promise<unknown[]> => Promise.all(tokens.map(answerTo));
  const unknownKeys = (count: number): Promise<string[]> =>
    Promise.all(
      Array.from({ length: count }, (_, index) => provider.token(CLAIMS, { ...provider.key, kid: `unknown-${index}` })),
    );
  const all = (tokens: string[], answer: object) => tokens.map(() => expect.objectContaining(answer));

  it('are asked for when the first token comes, and once for many tokens', async () => {
    expect(provider.asked).toBe(0);
    const tokens = await Promise.all(Array.from({ length: 100 }, () => provider.token(CLAIMS)));
    expect(await answersTo(tokens)).toEqual(all(tokens, GOOD));
    expect(provider.asked).toBe(1);
  });

  it('are asked for again when a token names a new one', async () => {
    expect(await answerTo(await provider.token(CLAIMS))).toMatchObject(GOOD);
    await provider.rotate();
    const token = await provider.token(CLAIMS);
    expect(await answerTo(token)).toMatchObject(REFUSED);
    expect(provider.asked).toBe(1);
    skippedMs += UNKNOWN_KEY_PAUSE_MS;
    expect(await answerTo(token)).toMatchObject(GOOD);
    expect(provider.asked).toBe(2);
  });

  it('are forgotten when they are old, so that a withdrawn one stops working', async () => {
    const token = await provider.token(CLAIMS);
    expect(await answerTo(token)).toMatchObject(GOOD);
    await provider.rotate();
    expect(await answerTo(token)).toMatchObject(GOOD);
    skippedMs += KEYS_MAX_AGE_MS;
    expect(await answerTo(token)).toMatchObject(REFUSED);
  });

  it('are not asked for by a storm of tokens of unknown ones, however long it lasts', async () => {
    const tokens = await unknownKeys(100);
    for (const asked of [1, 2]) {
      expect(await answersTo(tokens)).toEqual(all(tokens, REFUSED));
      for (const token of tokens) expect(await answerTo(token)).toMatchObject(REFUSED);
      expect(provider.asked).toBe(asked);
      skippedMs += UNKNOWN_KEY_PAUSE_MS;
    }
  });

  it('are not asked for by what is no token, or of an algorithm that is not allowed', async () => {
    const { 'alg none': none, 'HS256 with the public key': hs256 } = await provider.badTokens('ada');
    for (const token of ['ada', '..', none!, hs256!]) expect(await answerTo(token)).toMatchObject(REFUSED);
    expect(provider.asked).toBe(0);
  });

  it('go on working while they are fresh and the provider is down, and no longer', async () => {
    const token = await provider.token(CLAIMS);
    expect(await answerTo(token)).toMatchObject(GOOD);
    provider.failing = true;
    skippedMs += KEYS_MAX_AGE_MS - 60_000;
    // Whether the key is good cannot be known, so neither is it told.
    expect(await answerTo((await unknownKeys(1))[0]!)).toMatchObject(UNAVAILABLE);
    expect(await answerTo(token)).toMatchObject(GOOD);
    skippedMs += 60_000;
    expect(await answerTo(token)).toMatchObject(UNAVAILABLE);
  });

  it('are not asked for, nor waited for, for a while after the provider failed', async () => {
    provider.failing = true;
    const tokens = await unknownKeys(50);
    for (const asked of [1, 2]) {
      expect(await answersTo(tokens)).toEqual(all(tokens, UNAVAILABLE));
      for (const token of tokens) expect(await answerTo(token)).toMatchObject(UNAVAILABLE);
      expect(provider.asked).toBe(asked);
      expect(warnings).toHaveLength(asked);
      skippedMs += FAILURE_PAUSE_MS;
    }
    provider.failing = false;
    expect(await answerTo(await provider.token(CLAIMS))).toMatchObject(GOOD);
  });
});
