import { VersioningType } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ENVIRONMENT } from './platform/config/config.module.js';
import type { Environment } from './platform/config/environment.js';
import { TransactionRetry } from './platform/database/transaction-retry.js';
import { ProblemFilter } from './platform/errors/problem.filter.js';
import { BODY_LIMIT_BYTES, refuseHostileInput, requireJson, requireUtf8 } from './platform/http/body-rules.js';
import { requireHost, takeOverRefusals } from './platform/http/client-error.js';
import { corsOptions } from './platform/http/cors.js';
import { EtagInterceptor } from './platform/http/etag.js';
import { serveOpenApi } from './platform/http/openapi-document.js';
import { RefuseUnreadBodyInterceptor } from './platform/http/refuse-unread-body.interceptor.js';
import { assignRequestId } from './platform/http/request-id.js';
import { RequestValidationPipe } from './platform/http/request-validation.pipe.js';
import { RetryReadsInterceptor } from './platform/http/retry-reads.interceptor.js';
import { securityHeaders } from './platform/http/security-headers.js';
import { SchemaExtensions } from './platform/http/schema-extensions.js';
import { limitServer } from './platform/http/server-limits.js';
import { ShutdownGate } from './platform/http/shutdown-gate.js';
import { RequestWatch } from './platform/observability/request-watch.js';
import { AddressLimits } from './platform/rate-limits/address-limits.js';

/** What main and the tests have in common. The app must be made with `bodyParser: false`. */
export function setUpApp(app: NestExpressApplication): void {
  const environment = app.get<Environment>(ENVIRONMENT);
  app.disable('x-powered-by');
  app.disable('etag');
  if (environment.TRUST_PROXY) app.set('trust proxy', environment.TRUST_PROXY);
  app.enableVersioning({ type: VersioningType.URI });
  app.use(assignRequestId);
  app.use(app.get(RequestWatch).pass);
  app.use(securityHeaders);
  app.use(requireHost);
  if (environment.CORS_ORIGINS) app.enableCors(corsOptions(environment.CORS_ORIGINS));
  app.use(app.get(ShutdownGate).pass);
  app.use(app.get(AddressLimits).pass);
  app.use(requireJson);
  app.useBodyParser('json', { limit: BODY_LIMIT_BYTES, type: () => true, ...{ verify: requireUtf8 } });
  app.use(refuseHostileInput);
  app.useGlobalPipes(new RequestValidationPipe(app.get(SchemaExtensions)));
  app.useGlobalInterceptors(
    new RefuseUnreadBodyInterceptor(),
    new EtagInterceptor(),
    new RetryReadsInterceptor(app.get(TransactionRetry)),
  );
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost)));
  serveOpenApi(app);
  const server = app.getHttpServer();
  limitServer(server, environment);
  app.get(ShutdownGate).watch(server);
  takeOverRefusals(server);
}
