import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';

const COMMON = {
  // Whoever ends TLS says this: on plain http it means nothing, and it would outlive a trial.
  strictTransportSecurity: false,
  // Only of use on https; elsewhere browsers complain that they ignore them.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  referrerPolicy: { policy: 'no-referrer' },
} as const;

/** Answers of the API are data: a browser is to do nothing with them. */
const forApi = helmet({
  ...COMMON,
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
});

/** Swagger UI has scripts and styles of its own, in-line styles among them. Not upgraded to https, which a trial does not have. */
const forDocs = helmet({
  ...COMMON,
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      objectSrc: ["'none'"],
    },
  },
});

/** As Express matches it, in any case. */
const DOCS = /^\/docs(?:\/|$)/i;

export function securityHeaders(request: Request, response: Response, next: NextFunction): void {
  const set = DOCS.test(request.path) ? forDocs : forApi;
  set(request, response, (error?: unknown) => next(error));
}
