import { Param, ParseUUIDPipe } from '@nestjs/common';
import { malformed } from '../errors/platform.errors.js';

/** A path parameter that must be a UUID, in lower case; else 400 `malformed-request`. */
export function PathId(name: string): ParameterDecorator {
  return Param(name, new ParseUUIDPipe({ exceptionFactory: () => malformed(`The path parameter ${name} is not a UUID.`) }), {
    transform: (value: string) => value.toLowerCase(),
  });
}
