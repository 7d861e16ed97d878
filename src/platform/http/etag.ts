import {
  applyDecorators,
  createParamDecorator,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { map, type Observable } from 'rxjs';
import { ApiProblems } from './openapi.js';
import { CONDITION_MAX_LENGTH, CONDITION_SCHEMA, ENTITY_TAG_LIST } from './value-schemas.js';
import { DomainError } from '../errors/domain-error.js';
import { malformed, PRECONDITION_REQUIRED, STALE_VERSION } from '../errors/platform.errors.js';

const ENTITY_TAGS = new RegExp(`^\\s*${ENTITY_TAG_LIST}\\s*$`);

const SAFE_METHODS = new Set(['GET', 'HEAD']);

export function etagOf(version: number): string {
  return `"${version}"`;
}

/** The versions that a change may start from; null stands for any. */
export type ExpectedVersions = ReadonlySet<string> | null;

function parseIfMatch(header: string | undefined): ExpectedVersions {
  if (header === undefined || header.trim() === '*') return null;
  if (header.length > CONDITION_MAX_LENGTH || !ENTITY_TAGS.test(header)) {
    throw malformed(`If-Match is not a list of entity tags, such as "3", of at most ${CONDITION_MAX_LENGTH} characters.`);
  }
  // Strong comparison (RFC 9110, 13.1.1): a weak tag never matches.
  return new Set(
    header
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => !tag.startsWith('W/')),
  );
}

const IfMatchParam = createParamDecorator((required: boolean, context: ExecutionContext): ExpectedVersions => {
  const header = context.switchToHttp().getRequest<Request>().headers['if-match'];
  if (required && header === undefined) {
    throw new DomainError(PRECONDITION_REQUIRED, 'Send If-Match with the ETag of the version that you change.');
  }
  return parseIfMatch(header);
});

/** The versions named by `If-Match`, which must be there. */
export const RequiredIfMatch = () => IfMatchParam(true);
/** The versions named by `If-Match`, if it is there. */
export const OptionalIfMatch = () => IfMatchParam(false);

/** Documents `If-Match` and what it can answer. */
export function ApiIfMatch(required: boolean): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'If-Match',
      required,
      description: 'The ETag of the version that you change; `*` for any.',
      schema: { ...CONDITION_SCHEMA, ...(required ? { example: '*' } : {}) },
    }),
    ApiProblems(STALE_VERSION, ...(required ? [PRECONDITION_REQUIRED] : [])),
  );
}

/** @throws DomainError `stale-version` */
export function assertVersion(expected: ExpectedVersions, currentVersion: number): void {
  if (expected === null || expected.has(etagOf(currentVersion))) return;
  throw new DomainError(STALE_VERSION, `If-Match does not name version ${currentVersion}, which the resource is at.`, {
    currentVersion,
  });
}

/** An answer whose entity tag is not its version. */
export class Tagged<T> {
  constructor(
    readonly body: T,
    readonly etag: string,
  ) {}
}

/** Sets `ETag` on every answer that is a single resource (it has a `version`), and answers `If-None-Match` with 304. */
@Injectable()
export class EtagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    return next.handle().pipe(
      map((answer: unknown) => {
        const { body, etag } = answer instanceof Tagged ? answer : { body: answer, etag: etagOfResource(answer) };
        if (etag === undefined) return body;
        response.setHeader('ETag', etag);
        if (!SAFE_METHODS.has(request.method) || !matchesNone(request.headers['if-none-match'], etag)) return body;
        response.status(304);
        return undefined;
      }),
    );
  }
}

function etagOfResource(body: unknown): string | undefined {
  const version = (body as { version?: unknown } | undefined)?.version;
  return typeof version === 'number' ? etagOf(version) : undefined;
}

/** Weak comparison (RFC 9110, 13.1.2). A list that is too long matches nothing, which is always a good answer. */
function matchesNone(header: string | undefined, etag: string): boolean {
  if (header === undefined || header.length > CONDITION_MAX_LENGTH) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
