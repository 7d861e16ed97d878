import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { allProblems } from '../errors/domain-error.js';

const DESCRIPTION = `A ticket booking backend that never oversells.

* **All or nothing.** A booking gets all its tickets or none, and an order never exists without its tickets being taken.
* **Repeat when in doubt.** Send an \`Idempotency-Key\` and repeat the request, with the same key, until you get an answer: it has one effect.
* **Errors** are \`application/problem+json\` (RFC 9457). Decide by \`code\`.
* **Versions.** Single resources have an \`ETag\`. A \`PATCH\` needs it as \`If-Match\`.
* **Money** is in integer minor units. **Times** are RFC 3339.`;

const TAGS: ReadonlyArray<[name: string, description: string]> = [
  ['Events', 'What tickets are sold for.'],
  ['Ticket types', 'What can be booked of an event, at which price, and how much of it there is.'],
  ['Booking', 'Taking tickets.'],
  ['Orders', 'What was booked, and its history.'],
  ['Health', 'For load balancers and orchestrators.'],
];

export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Holdfast')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .setContact('Holdfast', 'https://github.com/holdfast/holdfast', '')
    .addServer('/', 'This server');
  for (const [name, description] of TAGS) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build());
  document.security = [];
  const code = document.components?.schemas?.['Problem'] as { properties: { code: { enum?: string[] } } };
  code.properties.code.enum = allProblems().map((problem) => problem.code);
  return document;
}

/** Serves the document at `/openapi.json` and Swagger UI at `/docs`. */
export function serveOpenApi(app: INestApplication): void {
  SwaggerModule.setup('docs', app, createOpenApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Holdfast API',
    swaggerOptions: { tryItOutEnabled: true, displayRequestDuration: true, persistAuthorization: true },
  });
}
