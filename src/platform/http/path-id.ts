import { Param, ParseUUIDPipe } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { malformed } from '../errors/platform.errors.js';
import { UUID_SCHEMA } from './value-schemas.js';

/** A path parameter that must be a UUID, in lower case; else 400 `malformed-request`. */
export function PathId(name: string): ParameterDecorator {
  return Param(name, new ParseUUIDPipe({ exceptionFactory: () => malformed(`The path parameter ${name} is not a UUID.`) }), {
    transform: (value: string) => value.toLowerCase(),
  });
}

/** Documents a {@link PathId}. Swagger UI fills in the example. */
export function ApiPathId(name: string, description: string, example?: string): MethodDecorator {
  return ApiParam({
    name,
    description,
    schema: { ...UUID_SCHEMA, ...(example ? { example } : {}) },
  });
}
