import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { ACCESS_NOTE, BEARER } from '../auth/access.decorators.js';
import { changeDataSchema } from '../domain-events/changes.dto.js';
import { allProblems, type ProblemDefinition } from '../errors/domain-error.js';
import { SCOPES } from '../auth/scopes.js';
import { BODY_PROBLEMS, COMMON_PROBLEMS } from '../errors/platform.errors.js';
import { applySchemaExtensions, modelsOf } from './openapi-extensions.js';
import { headersOf, RESPONSE_HEADERS } from './openapi-headers.js';
import { problemResponses, problemSchemas } from './openapi-problems.js';
import { exampleOf, refuseUnknownMembers, unwrapReferences, type Schema, type Schemas } from './openapi-schemas.js';
import { SchemaExtensions } from './schema-extensions.js';
import { EXAMPLE_MARK, moduleTags, NO_PROBLEM_MARK, PROBLEM_MARK } from './openapi.js';

const DESCRIPTION = `A ticket booking backend that never oversells.

* **All or nothing.** A booking gets all its tickets or none, and an order never exists without its tickets being taken.
* **Repeat when in doubt.** Send an \`Idempotency-Key\` and repeat the request, with the same key, until you get an answer: it has one effect.
* **Errors** are \`application/problem+json\` (RFC 9457). Decide by \`code\`. An unknown address gives 404 \`route-not-found\`, a method that an address does not have 405 \`method-not-allowed\` with \`Allow\`.
* **Access.** Send an API key, or an access token of the identity provider, as \`Authorization: Bearer …\`. Published events can be read without. Signed-in customers book for themselves, and see and change their own orders only.
* **Versions.** Single resources have an \`ETag\`. A \`PATCH\` needs it as \`If-Match\`.
* **Lists** come in pages: ask for the next one with \`nextCursor\` as \`cursor\`, until it is null.
* **Money** is in integer minor units. **Times** are RFC 3339, answered in UTC with milliseconds.
* **Support.** Every answer has an \`X-Request-Id\`: yours, if you send one, else a new one.

The examples book tickets of the demo event that \`npm start\` makes. It prints a key: *Authorize* with it, then *Try it out* and *Execute*.`;

const TAGS: ReadonlyArray<[name: string, description: string]> = [
  ['Events', 'What tickets are sold for.'],
  ['Ticket types', 'What can be booked of an event, at which price, and how much of it there is.'],
  ['Booking', 'Taking tickets.'],
  ['Orders', 'What was booked, and its history.'],
  ['Customers', 'What is kept about a person.'],
  ['Changes', 'What happened, for those who follow.'],
  ['API keys', 'For servers and staff.'],
  ['Audit log', 'Who changed what.'],
  ['Health', 'For load balancers and orchestrators.'],
];

/** Stands in paths of examples where no id of the demo event does. */
const UNKNOWN_ID = '019a0000-0000-7000-8000-0000000000ff';

/** A body may be sent with these even if the operation takes none. */
const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['post', 'put', 'patch']);

interface Content {
  content?: Record<string, { schema: Schema; example?: unknown; examples?: unknown }>;
}

interface Operation {
  [mark: `x-problem-${string}` | `x-no-problem-${string}`]: true;
  [ACCESS_NOTE]?: string;
  operationId?: string;
  description: string;
  parameters?: Array<{ name: string; schema: { example?: string } }>;
  requestBody?: Content;
  responses: Record<string, Content & { headers?: Record<string, object>; [EXAMPLE_MARK]?: object }>;
}

export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Holdfast')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/', 'This server, be it local or in production.', undefined, { 'x-internal': false })
    .addBearerAuth(
      {
        type: 'http',
        scheme: 'bearer',
        description:
          'An API key (`hf_…`), or an access token (JWT) of the OpenID Connect issuer that this server trusts. Tokens are verified as RFC8725 recommends: only asymmetric algorithms, and issuer, audience and expiry are checked.',
      },
      BEARER,
    );
  for (const [name, description] of [...TAGS, ...moduleTags()]) builder.addTag(name, description);
  const extensions = app.get(SchemaExtensions).all;
  const document = SwaggerModule.createDocument(app, builder.build(), {
    autoTagControllers: false,
    extraModels: modelsOf(extensions),
  });
  const schemas = document.components!.schemas as Schemas;
  applySchemaExtensions(extensions, schemas, operationsOf(document), schemaNameOf);
  listScopes(schemas);
  schemas['ChangeData'] = changeDataSchema();
  document.info.contact = { name: 'Holdfast' };
  document.security = [];
  complete(document);
  return document;
}

/** Modules have scopes of their own, which the DTOs of the core do not know. */
function listScopes(schemas: Schemas): void {
  if (schemas['Scope']) schemas['Scope'].enum = [...SCOPES];
  for (const { properties = {} } of Object.values(schemas)) {
    const lists = Object.values(properties).filter(({ items }) => items?.$ref === '#/components/schemas/Scope');
    for (const list of lists) list.maxItems = SCOPES.length;
  }
}

function operationsOf(document: OpenAPIObject): Operation[] {
  return Object.values(document.paths).flatMap((item) => Object.values(item) as Operation[]);
}

/** The name that `ApiSchema` gives a class. */
function schemaNameOf(type: new () => object): string {
  const [schema] = (Reflect.getMetadata('swagger/apiSchema', type) as Array<{ name: string }> | undefined) ?? [];
  return schema?.name ?? type.name;
}

/** Adds what operations have in common, and what follows from the rest of the document. */
function complete(document: OpenAPIObject): void {
  const schemas = document.components!.schemas as Schemas;
  unwrapReferences(schemas);
  const documented = new Set<ProblemDefinition>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item) as Array<[string, Operation]>) {
      takeAccessNote(operation);
      const problems = takeProblems(method, operation);
      for (const problem of problems) documented.add(problem);
      Object.assign(operation.responses, problemResponses(problems, examplePath(path, operation)));
      completeBodies(operation, schemas);
      completeHeaders(operation);
    }
  }
  Object.assign(schemas, problemSchemas(documented));
  document.components!.headers = RESPONSE_HEADERS;
}

function takeAccessNote(operation: Operation): void {
  if (operation[ACCESS_NOTE]) operation.description += ` ${operation[ACCESS_NOTE]}`;
  delete operation[ACCESS_NOTE];
}

function takeProblems(method: string, operation: Operation): ProblemDefinition[] {
  const takeMarked = (mark: typeof PROBLEM_MARK | typeof NO_PROBLEM_MARK) => {
    const problems = allProblems().filter(({ code }) => operation[`${mark}${code}`]);
    for (const { code } of problems) delete operation[`${mark}${code}`];
    return problems;
  };
  const excluded = takeMarked(NO_PROBLEM_MARK);
  return [
    ...COMMON_PROBLEMS.filter((problem) => !excluded.includes(problem)),
    ...(METHODS_WITH_BODY.has(method) ? BODY_PROBLEMS : []),
    ...takeMarked(PROBLEM_MARK),
  ];
}

function examplePath(path: string, { parameters = [] }: Operation): string {
  const example = (name: string) => parameters.find((parameter) => parameter.name === name)?.schema.example ?? UNKNOWN_ID;
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => example(name));
}

function completeBodies(operation: Operation, schemas: Schemas): void {
  const { requestBody, responses } = operation;
  for (const media of Object.values(requestBody?.content ?? {})) media.example = exampleOf(media.schema, schemas);
  for (const response of Object.values(responses)) {
    const { [EXAMPLE_MARK]: members, content = {} } = response;
    delete response[EXAMPLE_MARK];
    for (const media of Object.values(content)) {
      if (media.examples) continue;
      const example = exampleOf(media.schema, schemas);
      media.example = members ? { ...(example as object), ...members } : example;
    }
  }
  for (const { schema } of Object.values(requestBody?.content ?? {})) refuseUnknownMembers(schema, schemas);
}

function completeHeaders(operation: Operation): void {
  const isIdempotent = operation.parameters?.some((parameter) => parameter.name === 'Idempotency-Key') ?? false;
  const isCounted = '429' in operation.responses;
  for (const [status, response] of Object.entries(operation.responses)) {
    response.headers = { ...headersOf({ isCounted, isRemembered: isIdempotent && status < '300' }), ...response.headers };
  }
}

/** Serves the document at `/openapi.json` and Swagger UI at `/docs`. */
export function serveOpenApi(app: INestApplication): void {
  SwaggerModule.setup('docs', app, createOpenApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Holdfast API',
    swaggerOptions: { deepLinking: true, defaultModelsExpandDepth: 0, displayRequestDuration: true, persistAuthorization: true },
  });
}
