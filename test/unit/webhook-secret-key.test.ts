import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keptSecretKey } from '../../src/modules/webhooks/index.js';
import { readEnvironment } from '../../src/platform/config/environment.js';

describe('the key of the embedded database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-key-'));
  const file = join(folder, 'webhook-secret-key');
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is made once, readable by its owner only', () => {
    const made = keptSecretKey(file);
    expect(made).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(keptSecretKey(file)).toEqual(made);
  });

  it('is not replaced when it is broken', () => {
    writeFileSync(file, 'short\n');
    expect(() => keptSecretKey(file)).toThrow('32 bytes');
  });
});

describe('WEBHOOK_SECRET_KEY', () => {
  const keys = ['a', 'b'].map((letter) => Buffer.alloc(32, letter));
  const read = (text: string) => readEnvironment({ WEBHOOK_SECRET_KEY: text }).WEBHOOK_SECRET_KEY;

  it('is one key, or several', () => {
    expect(read(keys[0]!.toString('base64'))).toEqual([keys[0]]);
    expect(read(keys.map((key) => key.toString('base64')).join(', '))).toEqual(keys);
    expect(read('')).toBeUndefined();
  });

  it.each(['secret', 'ab'.repeat(32), Buffer.alloc(31).toString('base64'), `${Buffer.alloc(32).toString('base64')},`])(
    'is not %s',
    (text) => expect(() => read(text)).toThrow('32 bytes in base64'),
  );
});
