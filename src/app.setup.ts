import { VersioningType } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { TransactionRetry } from './platform/database/transaction-retry.js';
import { ProblemFilter } from './platform/errors/problem.filter.js';
import { BODY_LIMIT_BYTES, refuseHostileInput, requireJson } from './platform/http/body-rules.js';
import { requireHost, takeOverRefusals } from './platform/http/client-error.js';
import { EtagInterceptor } from './platform/http/etag.js';
import { serveOpenApi } from './platform/http/openapi-document.js';
import { RefuseUnreadBodyInterceptor } from './platform/http/refuse-unread-body.interceptor.js';
import { assignRequestId } from './platform/http/request-id.js';
import { RequestValidationPipe } from './platform/http/request-validation.pipe.js';
import { RetryReadsInterceptor } from './platform/http/retry-reads.interceptor.js';
import { ShutdownGate } from './platform/http/shutdown-gate.js';

/** Longest time in which the headers, and the whole of a request, must arrive. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;

/** What main and the tests have in common. The app must be made with `bodyParser: false`. */
export function setUpApp(app: NestExpressApplication): void {
  app.disable('x-powered-by');
  app.disable('etag');
  app.enableVersioning({ type: VersioningType.URI });
  app.use(assignRequestId);
  app.use(requireHost);
  app.use(app.get(ShutdownGate).pass);
  app.use(requireJson);
  app.useBodyParser('json', { limit: BODY_LIMIT_BYTES, type: () => true });
  app.use(refuseHostileInput);
  app.useGlobalPipes(new RequestValidationPipe());
  app.useGlobalInterceptors(
    new RefuseUnreadBodyInterceptor(),
    new EtagInterceptor(),
    new RetryReadsInterceptor(app.get(TransactionRetry)),
  );
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost)));
  serveOpenApi(app);
  const server = app.getHttpServer();
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  takeOverRefusals(server);
}
