import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** The key that is kept in `file`, readable by its owner only; made when there is none. */
export function keptSecretKey(file: string): Buffer {
  if (!existsSync(file)) {
    const made = randomBytes(32);
    writeFileSync(file, `${made.toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    return made;
  }
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
  if (key.length !== 32) throw new Error(`${file} does not hold a key of 32 bytes in base64.`);
  return key;
}
