import { allProblems, type ProblemDefinition } from '../errors/domain-error.js';
import { STATUS_OF_KIND, STATUSES_TO_RETRY } from '../errors/problem-status.js';
import { integerSchema, NOT_BLANK_PATTERN, REQUEST_ID_SCHEMA } from './value-schemas.js';

const REQUEST_ID = '7f9c24e8-3b12-4fef-91e0-5a3c6f2f3a0d';

/** What repeats a name or a path of the request can be as long as that. */
const LONGEST_TEXT = 200_000;

const text = (maxLength: number, description: string, example: string) => ({
  type: 'string',
  minLength: 1,
  maxLength,
  pattern: NOT_BLANK_PATTERN,
  description,
  example,
});

const uri = (maxLength: number, description: string, example: string) => ({
  type: 'string',
  format: 'uri-reference',
  minLength: 1,
  maxLength,
  description,
  example,
});

const ref = (schema: string) => ({ $ref: `#/components/schemas/${schema}` });

/** `sold-out` is `SoldOutProblem`. */
function schemaNameOf(problem: ProblemDefinition): string {
  return `${problem.code.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}Problem`;
}

/** RFC 9457: what all problems have in common. */
function problemSchema(): object {
  return {
    type: 'object',
    description: 'What every problem has (RFC 9457). Decide by `code`.',
    required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'requestId'],
    properties: {
      type: uri(200, 'URI of the kind of problem.', '/problems/sold-out'),
      title: text(200, 'The kind of problem in words.', 'Not enough tickets are left'),
      status: {
        ...integerSchema(400, 599),
        description: 'The HTTP status.',
        example: 409,
      },
      detail: text(LONGEST_TEXT, 'What happened this time.', '1 of the ticket types is short.'),
      instance: uri(LONGEST_TEXT, 'The path of the request.', '/v1/orders'),
      // Which ones there can be is said by the schemas of the codes: Swagger UI shows the union of the enums of a composition.
      code: {
        type: 'string',
        minLength: 1,
        maxLength: 64,
        pattern: '^[a-z]+(?:-[a-z]+)*$',
        description: 'The stable name of the kind of problem.',
      },
      requestId: {
        ...REQUEST_ID_SCHEMA,
        description: 'The X-Request-Id of this answer: quote it in reports.',
        example: REQUEST_ID,
      },
    },
  };
}

/** The problem of one code, with its extension members. Clients tell them apart by `code`. */
function schemaOf(problem: ProblemDefinition): object {
  const members = problem.members ?? {};
  return {
    type: 'object',
    description: `${problem.title}.`,
    allOf: [
      ref('Problem'),
      {
        type: 'object',
        required: ['code', ...Object.keys(members)],
        properties: { code: { type: 'string', enum: [problem.code] }, ...members, ...problem.optionalMembers },
      },
    ],
  };
}

/** The schemas of `documented` problems, and what they have in common. */
export function problemSchemas(documented: ReadonlySet<ProblemDefinition>): Record<string, object> {
  return {
    Problem: problemSchema(),
    FieldError: {
      type: 'object',
      required: ['pointer', 'detail'],
      properties: {
        pointer: {
          type: 'string',
          format: 'json-pointer',
          maxLength: LONGEST_TEXT,
          description: 'JSON Pointer (RFC 6901) to the member at fault, or `/name` of a query parameter.',
          example: '/items/0/quantity',
        },
        detail: text(LONGEST_TEXT, 'What is wrong with it.', 'quantity must not be greater than 100'),
      },
    },
    ...Object.fromEntries(
      allProblems()
        .filter((problem) => documented.has(problem))
        .map((problem) => [schemaNameOf(problem), schemaOf(problem)]),
    ),
  };
}

/** One response per status. `instance` is the path in the examples. */
export function problemResponses(problems: Iterable<ProblemDefinition>, instance: string): Record<string, object> {
  const byStatus = Map.groupBy(problems, (problem) => STATUS_OF_KIND[problem.kind]);
  return Object.fromEntries([...byStatus].map(([status, ofStatus]) => [status, responseOf(status, ofStatus, instance)]));
}

/** The header that problems of a status have besides those of every answer. */
const headerOf: Record<number, string> = {
  401: 'WWW-Authenticate',
  403: 'WWW-Authenticate',
  ...Object.fromEntries([...STATUSES_TO_RETRY].map((status) => [status, 'Retry-After'])),
};

function responseOf(status: number, problems: ProblemDefinition[], instance: string): object {
  const schemas = problems.map((problem) => ref(schemaNameOf(problem)));
  return {
    description: problems.map((problem) => `* \`${problem.code}\`: ${problem.title}.`).join('\n'),
    ...(headerOf[status] ? { headers: { [headerOf[status]]: { $ref: `#/components/headers/${headerOf[status]}` } } } : {}),
    content: {
      'application/problem+json': {
        schema: schemas.length === 1 ? schemas[0] : { oneOf: schemas },
        examples: Object.fromEntries(problems.map((problem) => [problem.code, { value: exampleOf(problem, status, instance) }])),
      },
    },
  };
}

function exampleOf(problem: ProblemDefinition, status: number, instance: string): object {
  const { detail, ...members } = problem.example;
  return {
    type: `/problems/${problem.code}`,
    title: problem.title,
    status,
    detail,
    instance,
    code: problem.code,
    requestId: REQUEST_ID,
    ...members,
  };
}
