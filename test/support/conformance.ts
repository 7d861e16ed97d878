import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ApiClient, type Reply } from './client.js';

interface Schema {
  type?: string | string[];
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
  unevaluatedProperties?: boolean;
}

interface Header {
  required?: boolean;
  schema: Schema;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  parameters: Array<{ name: string; in: string; required?: boolean; schema: { example?: string | number } }>;
  requestExample: unknown;
  responses: Record<string, { headers: Record<string, Header | { $ref: string }>; content?: Record<string, { schema: Schema }> }>;
}

/** Headers that a client may rely on, and so have to be documented. */
const CONTRACT_HEADERS = [
  ...['X-Request-Id', 'ETag', 'Location', 'Retry-After', 'Idempotent-Replayed', 'WWW-Authenticate', 'RateLimit'],
  ...['RateLimit-Policy', 'Access-Control-Allow-Origin'],
];

/** No operation can answer with these: they say that there is none. */
export const OF_NO_OPERATION = ['method-not-allowed', 'route-not-found'];

export function operationsOf(document: OpenAPIObject): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, any>).map(([method, operation]) => ({
      id: operation.operationId as string,
      method: method.toUpperCase(),
      path,
      parameters: operation.parameters ?? [],
      requestExample: operation.requestBody?.content['application/json'].example as unknown,
      responses: operation.responses as Operation['responses'],
    })),
  );
}

/** Says that every object has the members of its schema and no other. A part of a composed schema leaves that to the whole. */
function close(schema: Schema, isPart = false): void {
  if ((schema.properties || schema.allOf) && !isPart) schema.unevaluatedProperties = false;
  for (const part of schema.allOf ?? []) close(part, true);
  const wholes = [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  for (const whole of schema.items ? [...wholes, schema.items] : wholes) close(whole);
}

/** A client that compares every answer with what the document says of it: status, media type, members, headers and their values. */
export class ConformingClient extends ApiClient {
  private readonly operations: Operation[];
  private readonly ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  private readonly schemas: Record<string, Schema>;
  private readonly headers: Record<string, Header>;
  private readonly validators = new Map<object, ValidateFunction>();

  /** @param seen `book 201`, `book 409 sold-out`, and so on, as they were answered */
  constructor(
    url: string,
    token: string | null,
    private readonly document: OpenAPIObject,
    readonly seen = new Set<string>(),
  ) {
    super(url, token);
    const copy = structuredClone(document);
    this.operations = operationsOf(copy);
    this.headers = copy.components!.headers as Record<string, Header>;
    this.schemas = copy.components!.schemas as Record<string, Schema>;
    // `Problem` is the common part of all problems.
    for (const [name, schema] of Object.entries(this.schemas)) close(schema, name === 'Problem');
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.ajv);
    // ajv-formats lacks it.
    this.ajv.addFormat('idn-email', /^[^\0]+@[^\s@]+$/u);
    this.ajv.addVocabulary(['example', 'components']);
    this.ajv.addSchema({ $id: 'document', components: { schemas: this.schemas } });
  }

  override as(token: string | null): ConformingClient {
    return new ConformingClient(this.url, token, this.document, this.seen);
  }

  override async send<T = any>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply<T>> {
    const reply = await super.send<T>(method, path, body, headers);
    this.check(method, path.split('?')[0]!, reply);
    return reply;
  }

  /** What Swagger UI sends when nothing is typed. @param ids stand in for the path ids that have no example */
  sendExample(operation: Operation, ids: Record<string, string>): Promise<Reply> {
    const filledIn = (place: string) =>
      operation.parameters.flatMap(({ name, in: where, schema }): Array<[string, string]> =>
        where === place && schema.example !== undefined ? [[name, String(schema.example)]] : [],
      );
    const values = { ...ids, ...Object.fromEntries(filledIn('path')) };
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name]!);
    const query = new URLSearchParams(filledIn('query')).toString();
    return this.send(
      operation.method,
      query ? `${path}?${query}` : path,
      operation.requestExample,
      Object.fromEntries(filledIn('header')),
    );
  }

  private check(method: string, path: string, reply: Reply): void {
    const operation = this.operations.find(
      (candidate) => candidate.method === method && new RegExp(`^${candidate.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );
    const response = operation?.responses[reply.status];
    const context = `${method} ${path} ${reply.status} ${JSON.stringify(reply.body)}`;
    if (!operation || !response) throw new Error(`Not documented: ${context}`);
    this.seen.add([operation.id, reply.status, ...(reply.status < 400 ? [] : [reply.body.code])].join(' '));
    const faults = [...this.bodyFaults(response.content, reply), ...this.headerFaults(response.headers, reply)];
    if (faults.length > 0) throw new Error(`${faults.join('\n')}\nin ${context}`);
  }

  private bodyFaults(content: Operation['responses'][string]['content'], reply: Reply): string[] {
    if (!content) return reply.body === undefined ? [] : ['a body, where none is documented'];
    const type = reply.headers.get('content-type')?.split(';')[0];
    const media = content[type ?? ''];
    if (!media) return [`media type ${type} is not documented`];
    const validate = this.validatorOf(media);
    return validate(reply.body) ? [] : [this.ajv.errorsText(validate.errors)];
  }

  private headerFaults(documented: Operation['responses'][string]['headers'], reply: Reply): string[] {
    const surplus = CONTRACT_HEADERS.filter((name) => reply.headers.has(name) && !documented[name]);
    return [
      ...surplus.map((name) => `header ${name} is not documented`),
      ...Object.entries(documented).flatMap(([name, header]) =>
        this.headerFault(name, this.headerOf(header), reply.headers.get(name)),
      ),
    ];
  }

  private headerFault(name: string, header: Header, value: string | null): string[] {
    if (value === null) return header.required ? [`no header ${name}`] : [];
    const validate = this.validatorOf(header);
    const isValid = validate(header.schema.type === 'integer' ? Number(value) : value);
    return isValid ? [] : [`header ${name}, ${value}: ${this.ajv.errorsText(validate.errors)}`];
  }

  private headerOf(header: Header | { $ref: string }): Header {
    return '$ref' in header ? this.headers[header.$ref.split('/').at(-1)!]! : header;
  }

  private validatorOf(media: { schema: Schema }): ValidateFunction {
    const known = this.validators.get(media);
    if (known) return known;
    const text = JSON.stringify(media.schema).replaceAll('"#/', '"document#/');
    const validate = this.ajv.compile(JSON.parse(text) as object);
    this.validators.set(media, validate);
    return validate;
  }
}
