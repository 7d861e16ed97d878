import { PROBLEM_MARK } from './openapi.js';
import type { Schemas } from './openapi-schemas.js';
import type { SchemaExtension } from './schema-extensions.js';

/** The classes that the extensions document, for the document to have their schemas. */
export function modelsOf(extensions: readonly SchemaExtension[]): Array<new () => object> {
  return extensions.flatMap(({ bodies, members }) => [...bodies, ...members].map(({ type }) => type));
}

/**
 * Puts what extensions add where it belongs: members of bodies into the body's schema, members of answers into theirs, and
 * problems onto the operations.
 */
export function applySchemaExtensions(
  extensions: readonly SchemaExtension[],
  schemas: Schemas,
  operations: Iterable<{ operationId?: string }>,
  nameOf: (type: new () => object) => string,
): void {
  const all = [...operations];
  for (const { bodies, members, problems } of extensions) {
    for (const { schema, type } of bodies) {
      const [target, added] = [schemas[schema]!, schemas[nameOf(type)]!];
      target.properties = { ...target.properties, ...added.properties };
      target.required = [...(target.required ?? []), ...(added.required ?? [])];
      delete schemas[nameOf(type)];
    }
    for (const { schema, name, type, description } of members) {
      const reference = { $ref: `#/components/schemas/${nameOf(type)}`, description };
      schemas[schema]!.properties = { ...schemas[schema]!.properties, [name]: reference };
    }
    for (const operation of all.filter(({ operationId }) => problems.operations.includes(operationId ?? ''))) {
      for (const { code } of problems.problems) Object.assign(operation, { [PROBLEM_MARK + code]: true });
    }
  }
}
