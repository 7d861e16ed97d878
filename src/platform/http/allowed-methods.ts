import type { HttpAdapterHost } from '@nestjs/core';

interface RouteLayer {
  route?: { methods: Record<string, boolean> };
  match(path: string): boolean;
}

/** The methods that some route answers at this path, for `Allow`; empty when there is no such path. */
export function allowedMethods(adapterHost: HttpAdapterHost, path: string): string[] {
  const { router } = adapterHost.httpAdapter.getInstance<{ router: { stack: RouteLayer[] } }>();
  const methods = new Set<string>();
  for (const layer of router.stack) {
    if (!layer.route || !layer.match(path)) continue;
    for (const method of Object.keys(layer.route.methods)) methods.add(method.toUpperCase());
  }
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].toSorted();
}
