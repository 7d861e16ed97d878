import type { DiscoveryService } from '@nestjs/core';

/** The providers of the app whose class has this metadata, each once, with it. */
export function providersWith(discovery: DiscoveryService, key: symbol): Array<{ instance: object; metadata: unknown }> {
  const instances = new Set(discovery.getProviders().map(({ instance }) => instance as unknown));
  return [...instances].flatMap((instance) => {
    if (typeof instance !== 'object' || instance === null) return [];
    const metadata = Reflect.getMetadata(key, instance.constructor) as unknown;
    return metadata === undefined ? [] : [{ instance, metadata }];
  });
}
