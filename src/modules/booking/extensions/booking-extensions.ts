import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { ENVIRONMENT } from '../../../platform/config/config.module.js';
import type { Environment } from '../../../platform/config/environment.js';
import { providersWith } from '../../../platform/discovery/providers-with.js';
import { BOOKING_EXTENSION, type BookingExtension, type BookingExtensionOptions } from './booking-extension.js';

export interface RegisteredExtension {
  name: string;
  /** The member of an order under which its data is kept. */
  member: string | null;
  extension: BookingExtension;
}

const DEFAULT_ORDER = 100;

/** The extensions of bookings that the modules of this app have, in their order, without those that are switched off. */
@Injectable()
export class BookingExtensions {
  private found: readonly RegisteredExtension[] | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'EXTENSIONS_OFF'>,
  ) {}

  /** @throws Error when two have one name or one member, or one that does not exist is switched off */
  get all(): readonly RegisteredExtension[] {
    return (this.found ??= this.discover());
  }

  private discover(): RegisteredExtension[] {
    const found = providersWith(this.discovery, BOOKING_EXTENSION).map(({ instance, metadata }) => ({
      options: metadata as BookingExtensionOptions,
      extension: instance as BookingExtension,
    }));
    assertDistinct(found.map(({ options }) => options.name));
    assertDistinct(found.flatMap(({ options }) => options.orderMember?.name ?? []));
    const off = new Set(this.environment.EXTENSIONS_OFF);
    const unknown = [...off].find((name) => !found.some(({ options }) => options.name === name));
    if (unknown !== undefined) throw new Error(`EXTENSIONS_OFF: there is no extension ${unknown}`);
    return found
      .filter(({ options }) => !off.has(options.name))
      .toSorted((a, b) => (a.options.order ?? DEFAULT_ORDER) - (b.options.order ?? DEFAULT_ORDER))
      .map(({ options, extension }) => ({ name: options.name, member: options.orderMember?.name ?? null, extension }));
  }
}

function assertDistinct(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`Two extensions of bookings are called ${twice}`);
}
