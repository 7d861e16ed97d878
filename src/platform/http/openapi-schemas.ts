/** A schema of the document, as far as the functions here look into it. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  example?: unknown;
  additionalProperties?: unknown;
  enum?: unknown[];
  maxItems?: number;
}

export type Schemas = Record<string, Schema>;

function resolve(schema: Schema, schemas: Schemas): Schema {
  return schema.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1)!]!;
}

/**
 * A whole example, put together from the examples of the members. An optional member is in it only if it has an example of
 * its own, so that a request is shown as one would send it.
 */
export function exampleOf(schema: Schema, schemas: Schemas): unknown {
  if ('example' in schema) return schema.example;
  const { type, items, properties = {}, required = [], anyOf } = resolve(schema, schemas);
  if (anyOf) return exampleOf(anyOf[0]!, schemas);
  if (type === 'array') return [exampleOf(items!, schemas)];
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name, member]) => required.includes(name) || 'example' in member)
      .map(([name, member]) => [name, exampleOf(member, schemas)]),
  );
}

/** Says that a request is refused when it, or an object in it, has members that are not known. */
export function refuseUnknownMembers(schema: Schema, schemas: Schemas): void {
  const resolved = resolve(schema, schemas);
  if (resolved.properties) resolved.additionalProperties = false;
  const members = [...Object.values(resolved.properties ?? {}), ...(resolved.items ? [resolved.items] : [])];
  for (const member of members) refuseUnknownMembers(member, schemas);
}

/** `{ allOf: [{ $ref }], description }` is how references had to be described before OpenAPI 3.1: makes it `{ $ref, description }`. */
export function unwrapReferences(schemas: Schemas): void {
  for (const { properties = {} } of Object.values(schemas)) {
    for (const member of Object.values(properties)) {
      const [only, ...others] = member.allOf ?? [];
      if (only?.$ref === undefined || others.length > 0) continue;
      member.$ref = only.$ref;
      delete member.allOf;
    }
  }
}
