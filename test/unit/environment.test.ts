import { InvalidEnvironmentError, readEnvironment } from '../../src/platform/config/environment.js';

const LONGEST_HOST = [...['a', 'b', 'c'].map((letter) => letter.repeat(63)), 'd'.repeat(61)].join('.');

describe('CORS_ORIGINS', () => {
  it.each(['http://a', 'https://shop.example.com', 'http://localhost:8080', `https://${LONGEST_HOST}:65535`])(
    'may have the origin %s',
    (origin) => {
      expect(readEnvironment({ CORS_ORIGINS: origin }).CORS_ORIGINS).toEqual([origin]);
    },
  );

  it.each(['null', '*', 'ftp://a', 'https://a/', 'https://A', 'https://a:443', 'https://a,', `https://${LONGEST_HOST}d:65535`])(
    'may not have %s',
    (origin) => {
      expect(() => readEnvironment({ CORS_ORIGINS: origin })).toThrow(InvalidEnvironmentError);
    },
  );
});
