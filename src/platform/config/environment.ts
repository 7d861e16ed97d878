import { z } from 'zod';
import { ORIGIN_SCHEMA } from '../http/value-schemas.js';
import { trustedProxies } from './proxies.js';

const milliseconds = (byDefault: number, min = 1, max = 3_600_000) =>
  z.coerce.number().int().min(min).max(max).default(byDefault);

const flag = (byDefault: boolean) =>
  z
    .enum(['true', 'false', '1', '0'])
    .default(byDefault ? 'true' : 'false')
    .transform((value) => value === 'true' || value === '1');

const DATABASE_ADDRESS = /^postgres(ql)?:\/\/.+/;

const perMinute = (byDefault: number) => z.coerce.number().int().min(0).max(1_000_000_000).default(byDefault);

function isOrigin(text: string): boolean {
  const { pattern, maxLength } = ORIGIN_SCHEMA;
  return text.length <= maxLength && new RegExp(pattern).test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const isSecretKey = (text: string) => /^[A-Za-z0-9+/]{43}=$/.test(text);

/** What a hold may last, in seconds. `HOLD_MAX_SECONDS` can only shorten it. */
export const HOLD_SECONDS_BOUNDS = { min: 30, max: 3_600 } as const;

/** Whoever could answer in the place of the key source could sign tokens. */
function isSafeKeySource(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname));
}

const TOKEN_SETTINGS = ['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE', 'AUTH_JWKS_URL'] as const;

/** Every setting of Holdfast; `.env.example` and the README repeat this list and a test compares them. */
const environmentSchema = z.object({
  DATABASE_URL: z
    .string()
    .regex(DATABASE_ADDRESS, 'must start with postgres:// or postgresql://')
    .optional()
    .describe('PostgreSQL 15 to 18. Without it an embedded PostgreSQL 18 is started in DATA_DIR.'),
  DATABASE_REPLICA_URLS: z
    .string()
    .transform((list) => list.split(',').map((url) => url.trim()))
    .refine(
      (urls) => urls.every((url) => DATABASE_ADDRESS.test(url)),
      'must be addresses like DATABASE_URL, with commas between them',
    )
    .optional()
    .describe('Standbys of the database, with commas between them: lists and exports are read there. None by default.'),
  DATA_DIR: z.string().min(1).default('.data').describe('Folder of the embedded PostgreSQL.'),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all.'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000).describe('Port to listen on; 0 for any free one.'),
  AUTH_JWT_ISSUER: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Issuer (`iss`) of the access tokens of customers and staff; with the two below, or none of them.'),
  AUTH_JWT_AUDIENCE: z.string().min(1).max(500).optional().describe('Audience (`aud`) that the tokens must be for.'),
  AUTH_JWKS_URL: z
    .url()
    .refine(isSafeKeySource, 'must be https, or http on this machine')
    .optional()
    .describe('Where the issuer publishes its keys (JWKS).'),
  MIGRATE_ON_START: flag(false).describe('Run the migrations at start. Always on with the embedded database.'),
  SCHEMA_MAY_BE_NEWER: flag(false).describe(
    'Run on a schema with migrations of a newer version too, as while instances are replaced one by one.',
  ),
  LOG_LEVEL: z.enum(['error', 'warn', 'log', 'debug', 'verbose']).default('log').describe('Least severe level that is logged.'),
  LOG_FORMAT: z
    .enum(['json', 'pretty'])
    .optional()
    .describe('A JSON object per line, or lines to read. Without it: to read on a terminal, else JSON.'),
  LOG_REQUESTS: flag(true).describe('Log a line per request, at the level log.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe('Where traces are sent: an OTLP receiver over HTTP, such as http://localhost:4318. Without it, none are made.'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Which part of the requests is traced, from 0 to 1; a caller that sends a traceparent decides for its own.'),
  DATABASE_POOL_MAX: z.coerce.number().int().min(1).max(500).default(10).describe('Most connections of this process.'),
  DATABASE_POOL_WAIT_MS: milliseconds(30_000).describe('Longest wait for a free connection; then 503 overloaded.'),
  DATABASE_CONNECT_TIMEOUT_MS: milliseconds(5_000).describe('Longest wait for a new connection to be made.'),
  DATABASE_PGBOUNCER: flag(false).describe('Set the time-outs below per transaction, as a transaction pooler needs it.'),
  DATABASE_STATEMENT_TIMEOUT_MS: milliseconds(10_000).describe('statement_timeout of the server.'),
  DATABASE_LOCK_TIMEOUT_MS: milliseconds(5_000).describe('lock_timeout of the server: longest wait for an event lock.'),
  DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: milliseconds(5_000).describe(
    'idle_in_transaction_session_timeout: frees the locks of a frozen app.',
  ),
  DATABASE_TRANSACTION_TIMEOUT_MS: milliseconds(20_000).describe('transaction_timeout, on PostgreSQL 17 and later.'),
  DATABASE_CLIENT_CHECK_INTERVAL_MS: milliseconds(500).describe(
    'client_connection_check_interval: frees what a killed app waited for.',
  ),
  DATABASE_QUERY_TIMEOUT_MS: milliseconds(30_000).describe(
    'Longest wait for an answer of the server; then the connection is destroyed. Keep it above the server-side ones.',
  ),
  TRANSACTION_RETRIES: z.coerce.number().int().min(0).max(20).default(4).describe('Retries after a transient database error.'),
  IDEMPOTENCY_RETENTION_HOURS: z.coerce.number().int().min(24).max(8_760).default(24).describe('How long keys are kept.'),
  HOLD_MAX_SECONDS: z.coerce
    .number()
    .int()
    .min(HOLD_SECONDS_BOUNDS.min)
    .max(HOLD_SECONDS_BOUNDS.max)
    .default(HOLD_SECONDS_BOUNDS.max)
    .describe('Longest life of a hold, extensions included.'),
  LANES_RUNNING_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .default(6)
    .describe('Most events whose commands this process runs at the same time; each takes one connection.'),
  LANE_BATCH_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(32)
    .describe('Most commands of one event that share a transaction.'),
  LANE_MAX_WAITING: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(5_000)
    .describe('Most commands that may wait for one event; then 503 overloaded.'),
  LANE_MAX_WAIT_MS: milliseconds(20_000).describe(
    'Longest wait in the lane of an event that may be expected; then 503 overloaded.',
  ),
  EXTENSIONS_OFF: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((name) => name.trim() || []))
    .describe('Extensions of bookings that are switched off, by name, with commas between them.'),
  DOMAIN_EVENT_RETENTION_HOURS: z.coerce
    .number()
    .int()
    .min(1)
    .max(87_600)
    .default(168)
    .describe('How long the change feed goes back.'),
  WEBHOOK_SECRET_KEY: z
    .string()
    .transform((list) => list.split(',').map((key) => key.trim()))
    .refine((keys) => keys.every(isSecretKey), 'must be 32 bytes in base64, or several such with commas between them')
    .transform((keys) => keys.map((key): Buffer => Buffer.from(key, 'base64')))
    .optional()
    .describe(
      'Key that the secrets of webhooks are encrypted with: 32 bytes in base64; former ones may follow, with commas. The embedded database has one in DATA_DIR.',
    ),
  WEBHOOK_ALLOW_PRIVATE_NETWORKS: flag(false).describe('Let webhooks go to private and local addresses, and without TLS.'),
  RATE_LIMIT_STORE: z
    .enum(['memory', 'postgres'])
    .default('memory')
    .describe('Where the requests of callers are counted: in each process, or in the database for all of them together.'),
  RATE_LIMIT_API_KEY_PER_MINUTE: perMinute(100_000).describe(
    'Most requests with one API key; 0: no limit. Then 429 rate-limited.',
  ),
  RATE_LIMIT_CUSTOMER_PER_MINUTE: perMinute(1_000).describe('Most requests of one signed-in user; 0: no limit.'),
  RATE_LIMIT_ADDRESS_PER_MINUTE: perMinute(100_000).describe('Most requests of one client address (IPv6: /64); 0: no limit.'),
  RATE_LIMIT_FAILED_AUTH_PER_MINUTE: perMinute(1_000).describe('Most refused credentials of one client address; 0: no limit.'),
  CORS_ORIGINS: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .refine((origins) => origins.every(isOrigin), 'must be origins such as https://shop.example.com, with commas between them')
    .optional()
    .describe('Origins whose pages may use the API from a browser, with commas between them; none by default.'),
  TRUST_PROXY: z
    .string()
    .transform(trustedProxies)
    .refine(
      (proxies) => proxies !== null,
      'must be a number of hops from 1 to 10, or addresses and networks with commas between them',
    )
    .optional()
    .describe('Proxies in front, whose X-Forwarded-For is believed: their number, or their addresses and networks.'),
  HTTP_HEADERS_TIMEOUT_MS: milliseconds(10_000).describe('Longest time in which the headers of a request must arrive.'),
  HTTP_REQUEST_TIMEOUT_MS: milliseconds(20_000).describe('Longest time in which the whole of a request must arrive.'),
  HTTP_KEEP_ALIVE_TIMEOUT_MS: milliseconds(65_000).describe(
    'How long an idle connection is kept; longer than a load balancer in front keeps it.',
  ),
  HTTP_STALL_TIMEOUT_MS: milliseconds(120_000).describe(
    'Longest time in which nothing moves on a connection, as when an answer is not read; then it is cut.',
  ),
  HTTP_CONNECTIONS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(20_000)
    .describe('Most connections of this process; further ones are closed at once.'),
  HTTP_REQUESTS_PER_CONNECTION_MAX: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000_000)
    .default(100_000)
    .describe('Most requests on one connection, which then ends; 0: no limit.'),
  STREAMS_MAX: z.coerce.number().int().min(0).max(100_000).default(10_000).describe('Most availability streams of this process.'),
  STREAMS_MAX_PER_ADDRESS: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(1_000)
    .describe('Most availability streams of one client address on this process.'),
  RECONCILE_HOUR: z.coerce
    .number()
    .int()
    .min(-1)
    .max(23)
    .default(3)
    .describe('Hour of the day (UTC) at which one instance recomputes all counts from the orders; -1: never.'),
  RECONCILE_STATEMENT_TIMEOUT_MS: milliseconds(300_000).describe(
    'statement_timeout of that recomputation, whose statements are about one event each.',
  ),
  SHUTDOWN_TIMEOUT_MS: milliseconds(10_000).describe('Longest time that a shutdown may take, the delay below included.'),
  SHUTDOWN_DELAY_MS: milliseconds(0, 0).describe(
    'How long requests are still taken after /health/ready began to fail, so that load balancers notice first.',
  ),
});

/** The validated settings. Times are milliseconds unless the name says otherwise. */
export type Environment = z.infer<typeof environmentSchema>;

/** Name, default and meaning of every setting, for the documentation check. */
export const environmentReference: ReadonlyArray<{ name: string; byDefault: string; description: string }> = Object.entries(
  environmentSchema.shape,
).map(([name, schema]) => ({
  name,
  byDefault: String(z.safeParse(schema, undefined).data ?? ''),
  description: schema.description ?? '',
}));

export class InvalidEnvironmentError extends Error {
  constructor(readonly problems: string[]) {
    super(`The environment is not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Reads the settings from environment variables; an empty variable counts as absent.
 * @throws InvalidEnvironmentError with every problem at once
 */
export function readEnvironment(variables: Record<string, string | undefined>): Environment {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const result = environmentSchema.safeParse(given);
  if (!result.success) {
    throw new InvalidEnvironmentError(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  }
  const missing = TOKEN_SETTINGS.filter((name) => result.data[name] === undefined);
  if (missing.length > 0 && missing.length < TOKEN_SETTINGS.length) {
    throw new InvalidEnvironmentError(missing.map((name) => `${name}: must be set, since others of its kind are`));
  }
  if (result.data.SHUTDOWN_DELAY_MS >= result.data.SHUTDOWN_TIMEOUT_MS) {
    throw new InvalidEnvironmentError(['SHUTDOWN_DELAY_MS: must be less than SHUTDOWN_TIMEOUT_MS']);
  }
  return result.data;
}
