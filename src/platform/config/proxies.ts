import { isIP } from 'node:net';

const HOPS_MAX = 10;
/** Names that Express has for private networks. */
const NAMES = new Set(['loopback', 'linklocal', 'uniquelocal']);
const BITS: Record<number, number> = { 4: 32, 6: 128 };

/**
 * The value of TRUST_PROXY as Express takes it for `trust proxy`: a number of hops, or addresses and networks.
 * @returns null when it is neither
 */
export function trustedProxies(text: string): number | string[] | null {
  if (/^\d+$/.test(text)) {
    const hops = Number(text);
    return hops >= 1 && hops <= HOPS_MAX ? hops : null;
  }
  const proxies = text.split(',').map((proxy) => proxy.trim());
  return proxies.every((proxy) => NAMES.has(proxy) || isNetwork(proxy)) ? proxies : null;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const most = BITS[isIP(address)];
  if (most === undefined || rest.length > 0) return false;
  // Who trusts all addresses (/0) lets every client choose its own.
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most);
}
