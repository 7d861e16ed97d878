import { isIP } from 'node:net';
import { normalizeIp } from '@nestjs/throttler';
import type { Request } from 'express';

/**
 * Whom limits per address count: an IPv4 address, or the /64 of an IPv6 one, since whoever has one address there has them all.
 * `X-Forwarded-For` counts only from the proxies of TRUST_PROXY. Should one of them pass on what is no address, the proxy counts.
 */
export function clientAddressOf({ ip = '', socket }: Pick<Request, 'ip' | 'socket'>): string {
  return normalizeIp(isIP(ip) ? ip : (socket.remoteAddress ?? ''));
}
