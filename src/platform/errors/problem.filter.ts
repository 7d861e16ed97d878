import { inspect } from 'node:util';
import { Catch, HttpException, Logger, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Request, Response } from 'express';
import { classifyDatabaseError } from '../database/database-errors.js';
import { unavailable } from '../database/transaction-retry.js';
import { allowedMethods } from '../http/allowed-methods.js';
import { noteOutcome } from '../http/outcome.js';
import { requestIdOf } from '../http/request-id.js';
import { DomainError } from './domain-error.js';
import { messageOf, rootMessageOf } from './message-of.js';
import {
  INTERNAL_ERROR,
  malformed,
  METHOD_NOT_ALLOWED,
  PAYLOAD_TOO_LARGE,
  ROUTE_NOT_FOUND,
  UNSUPPORTED_MEDIA_TYPE,
} from './platform.errors.js';
import { STATUS_OF_KIND, STATUSES_TO_RETRY } from './problem-status.js';

export const PROBLEM_JSON = 'application/problem+json';

/** Turns anything that is thrown, by any layer, into problem+json (RFC 9457). The only place where errors meet HTTP. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = this.toDomainError(error, request, response);
    const status = STATUS_OF_KIND[problem.problem.kind];
    noteOutcome(response, problem.code);
    if (status >= 500) this.log(status, error, request);
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    if (STATUSES_TO_RETRY.has(status)) response.setHeader('Retry-After', String(problem.retryAfterSeconds));
    for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
    response
      .status(status)
      .type(PROBLEM_JSON)
      .send(JSON.stringify(problemBody(problem, request.path, requestIdOf(request))));
  }

  private toDomainError(error: unknown, request: Request, response: Response): DomainError {
    if (error instanceof DomainError) return error;
    if (error instanceof NotFoundException) return this.unknownRoute(request, response);
    if (error instanceof HttpException) return fromHttpStatus(error.getStatus());
    const failure = classifyDatabaseError(error);
    if (failure !== 'fatal') return unavailable(failure, error);
    return internalError();
  }

  private unknownRoute(request: Request, response: Response): DomainError {
    const methods = allowedMethods(this.adapterHost, request.path);
    if (methods.length === 0) return new DomainError(ROUTE_NOT_FOUND, `Nothing is at ${request.method} ${request.path}.`);
    response.setHeader('Allow', methods.join(', '));
    return new DomainError(METHOD_NOT_ALLOWED, `${request.method} is not supported here; see the Allow header.`);
  }

  private log(status: number, error: unknown, request: Request): void {
    const line = `${request.method} ${request.path} failed with ${status}`;
    if (status === 503) {
      const [message, root] = [messageOf(error), rootMessageOf(error)];
      this.logger.warn(`${line}: ${message}${root === message ? '' : ` (${root})`}`);
    } else this.logger.error(line, error instanceof Error ? error.stack : inspect(error));
  }
}

/** What the body parser and Express itself refuse. */
function fromHttpStatus(status: number): DomainError {
  if (status === 413) return new DomainError(PAYLOAD_TOO_LARGE, 'The body is over 100 kB.');
  if (status === 415) return new DomainError(UNSUPPORTED_MEDIA_TYPE, 'Send the body as application/json in UTF-8.');
  if (status >= 400 && status < 500)
    return malformed('The request is not well-formed: check the JSON of the body and the encoding of the address.');
  return internalError();
}

function internalError(): DomainError {
  return new DomainError(INTERNAL_ERROR, 'The request failed unexpectedly. Quote the requestId when you report it.');
}

/** The body of an error answer. */
export function problemBody(error: DomainError, instance: string, requestId: string): Record<string, unknown> {
  return {
    type: `/problems/${error.code}`,
    title: error.problem.title,
    status: STATUS_OF_KIND[error.problem.kind],
    detail: error.detail,
    instance,
    code: error.code,
    requestId,
    ...error.details,
  };
}
