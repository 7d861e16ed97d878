import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { providersWith } from '../discovery/providers-with.js';
import type { ProblemDefinition } from '../errors/domain-error.js';

type Class = new () => object;

/** What a module adds to the requests and answers of another one. */
export interface SchemaExtension {
  /** It is left out when EXTENSIONS_OFF names it. */
  name: string;
  /** Members of `type` that bodies of the class `base`, documented as `schema`, may have on top. */
  bodies: ReadonlyArray<{ base: Class; schema: string; type: Class }>;
  /** A member of answers that are documented as `schema`. */
  members: ReadonlyArray<{ schema: string; name: string; type: Class; description: string }>;
  /** What else these operations can answer. */
  problems: { operations: readonly string[]; problems: readonly ProblemDefinition[] };
}

/** Metadata of a provider: its {@link SchemaExtension}. */
export const SCHEMA_EXTENSION = Symbol('SCHEMA_EXTENSION');

/** The schema extensions of the modules that this app has. */
@Injectable()
export class SchemaExtensions {
  private found: SchemaExtension[] | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'EXTENSIONS_OFF'>,
  ) {}

  get all(): readonly SchemaExtension[] {
    return (this.found ??= providersWith(this.discovery, SCHEMA_EXTENSION)
      .map(({ metadata }) => metadata as SchemaExtension)
      .filter(({ name }) => !this.environment.EXTENSIONS_OFF.includes(name)));
  }

  /** The classes whose members a body of this class may have on top. */
  bodiesOf(base: unknown): Class[] {
    return this.all.flatMap(({ bodies }) => bodies.filter((body) => body.base === base).map(({ type }) => type));
  }
}

const EXTENSION_BODIES = Symbol('EXTENSION_BODIES');

/** The members that a module added to a validated body, as its own class; undefined when it added none. */
export function extensionBody<T extends object>(body: object, type: new () => T): T | undefined {
  return (body as { [EXTENSION_BODIES]?: ReadonlyMap<unknown, T> })[EXTENSION_BODIES]?.get(type);
}

export function withExtensionBodies<T extends object>(body: T, bodies: ReadonlyMap<unknown, object>): T {
  return Object.defineProperty(body, EXTENSION_BODIES, { value: bodies });
}
