import { RETRY_AFTER_SECONDS_BOUNDS } from '../errors/domain-error.js';
import { integerSchema, ORIGIN_SCHEMA, REQUEST_ID_SCHEMA } from './value-schemas.js';

/** A list of limits with the same two numbers of each, as `enforce` writes it. */
function limitsSchema(first: string, second: string) {
  const limit = `"[a-z-]+";${first}=[0-9]{1,10};${second}=[0-9]{1,10}`;
  return { type: 'string', pattern: `^${limit}(?:, ${limit})*$`, minLength: 11, maxLength: 200 } as const;
}

/** Headers of responses that are documented by reference. */
export const RESPONSE_HEADERS = {
  'X-Request-Id': {
    description: 'Names this request in our logs: the id that you sent, or a new one.',
    required: true,
    schema: { ...REQUEST_ID_SCHEMA, example: '7f9c24e8-3b12-4fef-91e0-5a3c6f2f3a0d' },
  },
  'Access-Control-Allow-Origin': {
    description:
      'The origin of the page that asks, when this server allows it to read the answer (`CORS_ORIGINS`). Absent for all others.',
    schema: { ...ORIGIN_SCHEMA, example: 'https://shop.example.com' },
  },
  'Retry-After': {
    description: 'Seconds to wait before the request is repeated.',
    required: true,
    schema: { ...integerSchema(RETRY_AFTER_SECONDS_BOUNDS.min, RETRY_AFTER_SECONDS_BOUNDS.max), example: 1 },
  },
  RateLimit: {
    description:
      'What is left (`r`) of each limit that counts this request, and in how many seconds (`t`) it begins anew. Absent where there is no limit.',
    schema: { ...limitsSchema('r', 't'), example: '"address";r=99999;t=60, "caller";r=999;t=60' },
  },
  'RateLimit-Policy': {
    description: 'The limits that count this request: so many (`q`) in a window of so many seconds (`w`).',
    schema: { ...limitsSchema('q', 'w'), example: '"address";q=100000;w=60, "caller";q=1000;w=60' },
  },
  'WWW-Authenticate': {
    description: 'How to authenticate (RFC 6750).',
    required: true,
    schema: {
      type: 'string',
      pattern: '^Bearer realm="holdfast"(?:, [a-z]+="[a-z:_]+")*$',
      minLength: 1,
      maxLength: 200,
      example: 'Bearer realm="holdfast"',
    },
  },
  'Idempotent-Replayed': {
    description: 'There when this is the remembered answer of an earlier request with the same key.',
    schema: { type: 'string', enum: ['true'] },
  },
};

type HeaderName = keyof typeof RESPONSE_HEADERS;

/** References to the headers that any answer can have, and those that only some operations have. */
export function headersOf(answer: { isCounted: boolean; isRemembered: boolean }): Record<string, object> {
  const names: HeaderName[] = ['X-Request-Id', 'Access-Control-Allow-Origin'];
  if (answer.isCounted) names.push('RateLimit', 'RateLimit-Policy');
  if (answer.isRemembered) names.push('Idempotent-Replayed');
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
