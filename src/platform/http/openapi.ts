import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiHeader, ApiResponse, type ApiResponseOptions } from '@nestjs/swagger';
import type { ProblemDefinition } from '../errors/domain-error.js';
import { CONDITION_SCHEMA, ETAG_SCHEMA } from './value-schemas.js';

/** Marks an operation with the code of a problem, until `openapi-document.ts` turns the marks into responses. */
export const PROBLEM_MARK = 'x-problem-';

/** The same, of a problem that any operation but this one can answer with. */
export const NO_PROBLEM_MARK = 'x-no-problem-';

/** Marks a response with the members in which its example differs from that of its schema. */
export const EXAMPLE_MARK = 'x-example-members';

const tags = new Map<string, string>();

/** Describes a group of operations (`ApiTags`) of a module, for the document. @returns its name */
export function defineTag(name: string, description: string): string {
  tags.set(name, description);
  return name;
}

/** Those that modules defined, by name. */
export function moduleTags(): Array<[name: string, description: string]> {
  return [...tags].toSorted(([a], [b]) => a.localeCompare(b));
}

/** Documents what an operation can answer besides the problems that any can. May be applied several times. */
export function ApiProblems(...problems: ProblemDefinition[]): MethodDecorator {
  return applyDecorators(...problems.map((problem) => ApiExtension(PROBLEM_MARK + problem.code, true)));
}

/** Takes problems that any operation can answer with from this one, which cannot. */
export function ApiWithoutProblems(...problems: ProblemDefinition[]): MethodDecorator {
  return applyDecorators(...problems.map((problem) => ApiExtension(NO_PROBLEM_MARK + problem.code, true)));
}

const etagHeader = {
  ETag: {
    description: 'The version, for If-Match and If-None-Match.',
    required: true,
    schema: { ...ETAG_SCHEMA, example: '"1"' },
  },
} as const;

const location = {
  description: 'Address of what was created.',
  required: true,
  schema: { type: 'string', format: 'uri-reference', minLength: 1, maxLength: 200 },
} as const;

/**
 * Documents the success of an operation that answers with a single resource and its `ETag`. `example` has the members in which
 * its example is another than that of the resource: the state that the operation leads to.
 */
export function ApiResource<T extends object>(
  status: 200 | 201,
  type: new () => T,
  description: string,
  example: Partial<T> = {},
): MethodDecorator {
  return ApiResponse({
    status,
    type,
    description,
    headers: { ...etagHeader, ...(status === 201 ? { Location: location } : {}) },
    [EXAMPLE_MARK]: example,
  } as ApiResponseOptions);
}

/** Documents the success of an operation that made something which has no versions. */
export function ApiCreated(type: new () => unknown, description: string): MethodDecorator {
  return ApiResponse({ status: 201, type, description, headers: { Location: location } });
}

/** Documents `If-None-Match` and the 304 of a GET. */
export function ApiIfNoneMatch(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'If-None-Match',
      required: false,
      description: 'ETags that you have: 304 when one of them is the current one.',
      schema: CONDITION_SCHEMA,
    }),
    ApiResponse({
      status: 304,
      description: 'The version named by If-None-Match is still the current one.',
      headers: etagHeader,
    }),
  );
}
