import { isatty } from 'node:tty';
import { Logger, PinoLogger } from 'nestjs-pino';
import { type DestinationStream, destination, type Level, pino, stdTimeFunctions } from 'pino';
import type { Environment } from '../config/environment.js';
import { redact } from './redact.js';
import { requestContext } from './request-context.js';

const STDOUT = 1;
const UNREAD_MAX_BYTES = 64 * 1024 * 1024;
const PINO_LEVELS: Record<Environment['LOG_LEVEL'], Level> = {
  error: 'error',
  warn: 'warn',
  log: 'info',
  debug: 'debug',
  verbose: 'trace',
};

/** Nest's list of every module and route would bury the addresses that are printed at start. */
const QUIET_CONTEXTS = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer']);

/** Deeper than anything that is logged; an object that contains itself would have no end. */
const DEEPEST = 5;

/** Writes what the app logs, without secrets and whole e-mail addresses, whoever logs them. */
export class AppLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (!QUIET_CONTEXTS.has(String(rest.at(-1)))) super.log(message, ...rest);
  }
}

/** The logger of the process: JSON, a line each, or lines to read. */
export async function createLogger(environment: Pick<Environment, 'LOG_LEVEL' | 'LOG_FORMAT'>): Promise<AppLogger> {
  const isTerminal = isatty(STDOUT);
  const format = environment.LOG_FORMAT ?? (isTerminal ? 'pretty' : 'json');
  // Asynchronous, so that a slow reader does not stop the process; what is left is written at its end, and what one that reads
  // nothing leaves over is dropped.
  const stream =
    format === 'json' ? destination({ dest: STDOUT, sync: false, maxLength: UNREAD_MAX_BYTES }) : await prettyStream(isTerminal);
  const logger = pinoLogger(PINO_LEVELS[environment.LOG_LEVEL], stream);
  const params = { pinoHttp: { logger } };
  return new AppLogger(new PinoLogger(params), params);
}

/** Every line says which request it belongs to. */
export function pinoLogger(level: Level, stream: DestinationStream) {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    // Errors are plain objects by then, see clean().
    serializers: { err: (error: unknown) => error },
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: () => {
      const { requestId, traceId } = requestContext.getStore() ?? {};
      return requestId === undefined ? {} : { requestId, ...(traceId === undefined ? {} : { traceId }) };
    },
    hooks: {
      logMethod(args: unknown[], method: (...args: never[]) => void) {
        const [first, ...rest] = args;
        const texts = (typeof first === 'string' ? args : rest).map((part) => (typeof part === 'string' ? part : String(part)));
        const fields = typeof first === 'string' ? {} : clean(first, 0);
        const message = texts.length > 0 ? [redact(texts.join(' '))] : [];
        Reflect.apply(method, this, [fields, ...message]);
      },
    },
  };
  return pino(options, stream);
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return { type: value.name, message: redact(value.message), stack: redact(value.stack ?? '') };
  if (depth === DEEPEST) return '…';
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, clean(item, depth + 1)]));
}

async function prettyStream(colorize: boolean): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    colorize,
    destination: STDOUT,
    sync: true,
    singleLine: true,
    ignore: 'pid,hostname',
    translateTime: 'HH:MM:ss.l',
  });
}
