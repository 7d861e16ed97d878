import { parseArgs } from 'node:util';
import { MikroORM } from '@mikro-orm/postgresql';
import { ormConfig } from '../../mikro-orm.config.js';
import { SYSTEM } from '../platform/audit/author.js';
import { ApiKey } from '../platform/auth/api-key.entity.js';
import { addApiKey, revokeApiKey } from '../platform/auth/api-keys.service.js';
import { isScope, SCOPES, type Scope } from '../platform/auth/scopes.js';
import { databaseNow } from '../platform/database/clock.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { messageOf } from '../platform/errors/message-of.js';
import { databaseEnvironmentOrExit } from './environment.js';

const USAGE = `Usage:
  npm run -s api-key -- create --name <name> --scopes <scope,scope> [--expires-in-days <days>]
  npm run -s api-key -- list
  npm run -s api-key -- revoke <id>

Scopes: ${SCOPES.join(', ')}. The new key, and nothing else, goes to the standard output.`;

const DAY_MS = 86_400_000;
const DAYS_MAX = 36_500;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

class UsageError extends Error {}

try {
  await withOrm(commandOf(process.argv.slice(2)));
} catch (error) {
  console.error(textOf(error));
  process.exit(1);
}

function textOf(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n\n${USAGE}`;
  return error instanceof DomainError ? error.detail : messageOf(error);
}

type Command = (orm: MikroORM) => Promise<void>;

function commandOf(args: string[]): Command {
  const { values, positionals } = parse(args);
  const [name, ...others] = positionals;
  if (name === 'create' && others.length === 0) return create(detailsOf(values));
  if (Object.keys(values).length > 0) throw new UsageError('Only create has options.');
  if (name === 'list' && others.length === 0) return list;
  if (name === 'revoke' && others.length === 1) return revoke(others[0]!);
  throw new UsageError('Say what to do: create, list or revoke.');
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ args, options: { name: text, scopes: text, 'expires-in-days': text }, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function detailsOf(values: ReturnType<typeof parse>['values']): { name: string; scopes: Scope[]; days: number | null } {
  const name = values.name?.trim() ?? '';
  if (name === '' || name.length > 200) throw new UsageError('--name needs 1 to 200 characters.');
  const scopes = (values.scopes ?? '').split(',');
  if (!scopes.every(isScope)) throw new UsageError(`--scopes needs some of ${SCOPES.join(', ')}, with commas between them.`);
  const days = values['expires-in-days'] === undefined ? null : Number(values['expires-in-days']);
  if (days !== null && !(Number.isInteger(days) && days >= 1 && days <= DAYS_MAX)) {
    throw new UsageError(`--expires-in-days needs a whole number from 1 to ${DAYS_MAX}.`);
  }
  return { name, scopes, days };
}

function create({ name, scopes, days }: ReturnType<typeof detailsOf>): Command {
  return async (orm) => {
    const { row, key } = await orm.em.fork().transactional(async (em) => {
      const now = await databaseNow(em);
      const expiresAt = days === null ? null : new Date(now.getTime() + days * DAY_MS);
      return addApiKey(em, { name, scopes, expiresAt }, SYSTEM, now);
    });
    console.error(`API key ${row.id} (${row.name}). It is shown this one time:`);
    console.log(key);
  };
}

async function list(orm: MikroORM): Promise<void> {
  const rows = await orm.em.fork().find(ApiKey, {}, { orderBy: { createdAt: 'asc', id: 'asc' } });
  for (const row of rows) {
    const state = row.revokedAt ? `revoked ${row.revokedAt.toISOString()}` : `expires ${row.expiresAt?.toISOString() ?? 'never'}`;
    console.log(`${row.id}  hf_${row.prefix}  ${row.scopes.join(',')}  ${state}  ${row.name}`);
  }
}

function revoke(id: string): Command {
  if (!UUID.test(id)) throw new UsageError(`${id} is not the id of a key.`);
  return async (orm) => {
    const { name } = await orm.em.fork().transactional((em) => revokeApiKey(em, id, SYSTEM));
    console.error(`API key ${id} (${name}) is revoked.`);
  };
}

async function withOrm(command: Command): Promise<void> {
  const orm = new MikroORM(ormConfig(databaseEnvironmentOrExit()));
  try {
    await command(orm);
  } finally {
    await orm.close(true);
  }
}
