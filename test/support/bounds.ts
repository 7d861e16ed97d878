import { randomUUID } from 'node:crypto';

interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  propertyNames?: Schema;
  additionalProperties?: boolean | Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  example?: unknown;
}

export type Schemas = Record<string, Schema>;

/** A value at a bound that the document names, or just beyond it. */
export interface Edge {
  /** JSON Pointer to where it stands. */
  pointer: string;
  value: unknown;
  isWithin: boolean;
}

/** Two UTF-16 units and four bytes, but one character. */
const CHARACTER = '😀';
const LONGEST_EMAIL = `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(58)}.de`;

/** Of the texts that cannot be made from their length alone. */
const OF_FORMAT: Record<string, { within: string[]; beyond: string[] }> = {
  uuid: { within: [], beyond: ['019a0000-0000-7000-8000-00000000001', '019a0000-0000-7000-8000-0000000000111'] },
  'date-time': {
    within: ['2041-06-19T18:00:00Z', '2041-06-19T18:00:00.123456789+02:00'],
    beyond: ['2041-06-19T18:00:0Z', '2041-06-19T18:00:00.1234567890+02:00'],
  },
  'idn-email': { within: ['a@b.de', 'ü@ü.de', LONGEST_EMAIL], beyond: ['@b.de', LONGEST_EMAIL.replace('@', '@x')] },
};

/** The edges of a schema and of all that is in it, each alone. */
export function edgesOf(schema: Schema, schemas: Schemas, pointer = ''): Edge[] {
  if (schema.$ref !== undefined) return edgesOf(resolve(schema, schemas), schemas, pointer);
  const edge = (isWithin: boolean, ...values: unknown[]) => values.map((value): Edge => ({ pointer, value, isWithin }));
  const [type] = [schema.type ?? []].flat();
  if (type === 'integer') {
    const { minimum, maximum } = schema as Required<Schema>;
    return [...edge(true, minimum, maximum), ...edge(false, minimum - 1, maximum + 1)];
  }
  if (type === 'string') {
    const { within, beyond } = textsOf(schema);
    return [...edge(true, ...within), ...edge(false, ...beyond)];
  }
  if (type === 'array') {
    const { within, beyond } = listsOf(schema, schemas);
    const ofItems = edgesOf(schema.items!, schemas, `${pointer}/0`);
    return [...edge(true, ...within), ...edge(false, ...beyond), ...ofItems];
  }
  if (typeof schema.additionalProperties === 'object') {
    const { within, beyond } = pairsOf(schema, schema.propertyNames!, schema.additionalProperties);
    return [...edge(true, ...within), ...edge(false, ...beyond)];
  }
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => edgesOf(member, schemas, `${pointer}/${name}`));
}

function resolve(schema: Schema, schemas: Schemas): Schema {
  return schema.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1)!]!;
}

function textsOf(schema: Schema): { within: string[]; beyond: string[] } {
  const { enum: values, format, pattern, minLength = 0, maxLength = 0 } = schema;
  if (values !== undefined) return { within: values, beyond: ['', values[0]!.toUpperCase()] };
  if (format !== undefined) return OF_FORMAT[format]!;
  const text = (length: number) => CHARACTER.repeat(length);
  // A currency or a time zone is one of a list, not any text of a length.
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(text(1))) return { within: [], beyond: [] };
  return { within: [text(minLength), text(maxLength)], beyond: [text(maxLength + 1), ...(minLength > 0 ? [''] : [])] };
}

function listsOf(schema: Schema, schemas: Schemas): { within: unknown[][]; beyond: unknown[][] } {
  const { minItems = 0, maxItems = 0 } = schema;
  const { enum: values, ...items } = resolve(schema.items!, schemas);
  const list = (length: number) =>
    Array.from({ length }, (_, index) => (values ? (values[index] ?? values[0]) : exampleOf(items, schemas)));
  return {
    within: [list(minItems), list(maxItems)],
    beyond: [list(maxItems + 1), ...(minItems > 0 ? [list(minItems - 1)] : [])],
  };
}

function pairsOf({ maxProperties = 0 }: Schema, names: Schema, values: Schema): { within: object[]; beyond: object[] } {
  const [name, value] = [CHARACTER.repeat(names.maxLength! - 2), CHARACTER.repeat(values.maxLength!)];
  const pairs = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}${index + 10}`, value]));
  return {
    within: [{}, { x: '' }, pairs(maxProperties)],
    beyond: [pairs(maxProperties + 1), { [`${name}xxx`]: 'x' }, { x: `${value}x` }, { '': 'x' }],
  };
}

/** What is required of a schema, from its examples; ids are new ones, since a list may name each only once. */
function exampleOf(schema: Schema, schemas: Schemas): unknown {
  const resolved = resolve(schema, schemas);
  if (resolved.format === 'uuid') return randomUUID();
  if (resolved.example !== undefined) return resolved.example;
  const { required = [], properties = {} } = resolved;
  return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name]!, schemas)]));
}

/** A copy of `body` with the value of `edge` in its place; objects on the way there are made. */
export function withEdge(body: unknown, { pointer, value }: Edge): unknown {
  const [, ...names] = pointer.split('/');
  const place = (at: unknown, [name, ...rest]: string[]): unknown => {
    if (name === undefined) return value;
    if (Array.isArray(at)) return at.with(Number(name), place(at[Number(name)], rest));
    const members = at as Record<string, unknown>;
    return { ...members, [name]: place(members[name] ?? {}, rest) };
  };
  return place(body, names);
}
