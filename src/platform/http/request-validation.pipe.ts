import { Injectable, ValidationPipe, type ArgumentMetadata, type ValidationError } from '@nestjs/common';
import type { DomainError, FieldError } from '../errors/domain-error.js';
import { validationFailed } from '../errors/platform.errors.js';

/** Validates bodies and queries against their DTO; refuses unknown members; reports all faults at once. */
@Injectable()
export class RequestValidationPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      exceptionFactory: toProblem,
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (
      metadata.type === 'body' &&
      value !== undefined &&
      (typeof value !== 'object' || value === null || Array.isArray(value))
    ) {
      throw validationFailed([{ pointer: '', detail: 'the body must be a JSON object' }]);
    }
    return super.transform(value, metadata) as Promise<unknown>;
  }
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
