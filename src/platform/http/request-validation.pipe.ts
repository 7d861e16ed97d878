import { Injectable, ValidationPipe, type ArgumentMetadata, type ValidationError } from '@nestjs/common';
import { getMetadataStorage, validateSync } from 'class-validator';
import { DomainError, type FieldError } from '../errors/domain-error.js';
import { VALIDATION_FAILED, validationFailed } from '../errors/platform.errors.js';
import { type SchemaExtensions, withExtensionBodies } from './schema-extensions.js';

/** What a module adds to a body. */
interface BodyExtension {
  type: new () => object;
  members: readonly string[];
  /** Without any of the members it is valid, as it should be. */
  mayBeMissing: boolean;
}

/** Validates bodies and queries against their DTO; refuses unknown members; reports all faults at once. */
@Injectable()
export class RequestValidationPipe extends ValidationPipe {
  private readonly extensionsOf = new Map<ArgumentMetadata['metatype'], readonly BodyExtension[]>();

  constructor(private readonly extensions: SchemaExtensions) {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      exceptionFactory: toProblem,
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type !== 'body' || value === undefined) return super.transform(value, metadata) as Promise<unknown>;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw validationFailed([{ pointer: '', detail: 'the body must be a JSON object' }]);
    }
    const extensions = this.bodyExtensions(metadata.metatype).filter(
      ({ members, mayBeMissing }) => !mayBeMissing || members.some((name) => Object.hasOwn(value, name)),
    );
    if (extensions.length === 0) return super.transform(value, metadata) as Promise<unknown>;
    return this.transformExtended(value, metadata, extensions);
  }

  private bodyExtensions(base: ArgumentMetadata['metatype']): readonly BodyExtension[] {
    const known = this.extensionsOf.get(base);
    if (known) return known;
    const found = this.extensions.bodiesOf(base).map((type) => {
      return { type, members: membersOf(type), mayBeMissing: validateSync(new type()).length === 0 };
    });
    this.extensionsOf.set(base, found);
    return found;
  }

  /** Each class gets its own members of the body; the faults of all are reported together. */
  private async transformExtended(body: object, metadata: ArgumentMetadata, extensions: readonly BodyExtension[]) {
    const rest = new Map(Object.entries(body));
    const parts = extensions.map(({ type, members }) => {
      const own = members.filter((name) => rest.has(name));
      const part = Object.fromEntries(own.map((name) => [name, rest.get(name)]));
      for (const name of own) rest.delete(name);
      return { type, part };
    });
    const validate = (value: object, metatype: ArgumentMetadata['metatype']) =>
      super.transform(value, { ...metadata, metatype }) as Promise<object>;
    const results = await Promise.allSettled([
      validate(Object.fromEntries(rest), metadata.metatype),
      ...parts.map(({ type, part }) => validate(part, type)),
    ]);
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (refusals.length > 0) throw together(refusals);
    const [base, ...bodies] = results.map((result) => (result as PromiseFulfilledResult<object>).value);
    return withExtensionBodies(base!, new Map(bodies.map((extension, index) => [parts[index]!.type, extension])));
  }
}

/** The members of a DTO that have rules. */
function membersOf(type: new () => object): string[] {
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  return [...new Set(rules.map(({ propertyName }) => propertyName))];
}

function together(refusals: readonly unknown[]): unknown {
  const other = refusals.find((error) => !(error instanceof DomainError && error.problem === VALIDATION_FAILED));
  return other ?? validationFailed(refusals.flatMap((error) => (error as DomainError).details['errors'] as FieldError[]));
}

function toProblem(errors: ValidationError[]): DomainError {
  return validationFailed(errors.flatMap((error) => flatten(error, '')));
}

function flatten(error: ValidationError, parent: string): FieldError[] {
  const pointer = `${parent}/${error.property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const own = Object.entries(error.constraints ?? {}).map(([rule, detail]) => ({
    pointer,
    detail: rule === 'whitelistValidation' ? `${error.property} is not known here` : detail,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, pointer))];
}
