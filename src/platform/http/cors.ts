import type { CorsOptions } from '@nestjs/common/interfaces/external/cors-options.interface.js';

const MAX_AGE_SECONDS = 600;

/** For browsers on the pages of these origins; what they may send and see is what the API has. */
export function corsOptions(origins: string[]): CorsOptions {
  return {
    origin: origins,
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: [
      ...['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'If-None-Match', 'Last-Event-ID', 'X-Request-Id'],
    ],
    exposedHeaders: [
      ...['ETag', 'Location', 'Idempotent-Replayed', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'WWW-Authenticate'],
      'X-Request-Id',
    ],
    maxAge: MAX_AGE_SECONDS,
  };
}
