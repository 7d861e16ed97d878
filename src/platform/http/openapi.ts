import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiProperty, ApiResponse, ApiSchema, getSchemaPath } from '@nestjs/swagger';
import type { ProblemDefinition } from '../errors/domain-error.js';
import { COMMON_PROBLEMS } from '../errors/platform.errors.js';
import { STATUS_OF_KIND } from '../errors/problem-status.js';
import { IntegerField, TextField, ListField } from './fields.js';

@ApiSchema({ name: 'FieldError' })
export class FieldErrorDto {
  @TextField({
    max: 2000,
    description: 'JSON Pointer (RFC 6901) to the member at fault, or `/name` of a query parameter.',
    example: '/items/0/quantity',
  })
  pointer!: string;

  @TextField({ max: 2000, description: 'What is wrong with it.', example: 'quantity must not be greater than 100' })
  detail!: string;
}

/** RFC 9457. `code` gets the list of all codes when the document is built. */
@ApiSchema({ name: 'Problem' })
export class ProblemDto {
  @TextField({ max: 200, description: 'URI of the kind of problem.', example: '/problems/sold-out' })
  type!: string;

  @TextField({ max: 200, description: 'The kind of problem in words.', example: 'Not enough tickets left' })
  title!: string;

  @IntegerField({ min: 400, max: 599, description: 'The HTTP status.', example: 409 })
  status!: number;

  @TextField({ max: 2000, description: 'What happened this time.', example: '1 of 1 ticket type is short.' })
  detail!: string;

  @TextField({ max: 2000, description: 'The path of the request.', example: '/v1/orders' })
  instance!: string;

  @ApiProperty({ type: 'string', description: 'The stable name of the kind of problem: decide by this.', example: 'sold-out' })
  code!: string;

  @TextField({
    max: 128,
    description: 'The X-Request-Id of this answer: quote it in reports.',
    example: '7f9c24e8-3b12-4fef-91e0-5a3c6f2f3a0d',
  })
  requestId!: string;

  @ListField({
    type: () => FieldErrorDto,
    max: 10_000,
    optional: true,
    description: 'All faults of the request (`validation-failed`).',
  })
  errors?: FieldErrorDto[];
}

const documentedProblems = Symbol('documentedProblems');

/**
 * Documents the problems that an operation can answer with besides the ones that any can, one response per status.
 * May be applied several times: what is given adds up.
 */
export function ApiProblems(...problems: ProblemDefinition[]): MethodDecorator {
  return (target, key, descriptor) => {
    const handler = descriptor.value as unknown as object;
    const known = (Reflect.getMetadata(documentedProblems, handler) as ProblemDefinition[] | undefined) ?? [];
    const all = [...new Set([...COMMON_PROBLEMS, ...known, ...problems])];
    Reflect.defineMetadata(documentedProblems, all, handler);
    const byStatus = Map.groupBy(all, (problem) => STATUS_OF_KIND[problem.kind]);
    const responses = [...byStatus].map(([status, ofStatus]) => problemResponse(status, ofStatus));
    applyDecorators(ApiExtraModels(ProblemDto), ...responses)(target, key, descriptor);
  };
}

function problemResponse(status: number, problems: ProblemDefinition[]): MethodDecorator {
  const codes = problems.map((problem) => problem.code);
  const members = Object.assign({}, ...problems.map((problem) => problem.members ?? {})) as Record<string, object>;
  return ApiResponse({
    status,
    description: problems.map((problem) => `\`${problem.code}\`: ${problem.title}.`).join(' '),
    ...(status === 503
      ? {
          headers: {
            'Retry-After': {
              description: 'Seconds to wait.',
              schema: { type: 'integer', format: 'int32', minimum: 1, maximum: 3600 },
            },
          },
        }
      : {}),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: getSchemaPath(ProblemDto) },
            { type: 'object', properties: { code: { type: 'string', enum: codes }, ...members } },
          ],
        },
        examples: Object.fromEntries(problems.map((problem) => [problem.code, { value: problemExample(problem, status) }])),
      },
    },
  });
}

function problemExample(problem: ProblemDefinition, status: number): Record<string, unknown> {
  const { detail, ...members } = problem.example;
  return {
    type: `/problems/${problem.code}`,
    title: problem.title,
    status,
    detail,
    instance: '/v1/orders',
    code: problem.code,
    requestId: '7f9c24e8-3b12-4fef-91e0-5a3c6f2f3a0d',
    ...members,
  };
}

const etagHeader = {
  ETag: {
    description: 'The version, for If-Match and If-None-Match.',
    schema: { type: 'string', maxLength: 32, example: '"1"' },
  },
} as const;

/** Documents the success of an operation that answers with a single resource and its `ETag`. */
export function ApiResource(status: 200 | 201, type: new () => unknown, description: string): MethodDecorator {
  const headers = {
    ...etagHeader,
    ...(status === 201
      ? { Location: { description: 'Address of what was created.', schema: { type: 'string' as const, maxLength: 200 } } }
      : {}),
  };
  return ApiResponse({ status, type, description, headers });
}

/** Documents `If-None-Match` and the 304 of a GET. */
export function ApiIfNoneMatch(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'If-None-Match',
      required: false,
      description: 'ETags that you have: 304 when one of them is the current one.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ApiResponse({
      status: 304,
      description: 'The version named by If-None-Match is still the current one.',
      headers: etagHeader,
    }),
  );
}
