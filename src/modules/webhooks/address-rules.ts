import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** What is assigned to hosts of the public internet in IPv6 at all; ranges with a purpose of their own within it are sorted out. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * Whether it is an address of a host on the public internet, and of no other kind: private, loopback, link-local, shared
 * (CGNAT), multicast, reserved, and IPv6 addresses that lead to an IPv4 one (mapped, NAT64, 6to4, Teredo).
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST);
}

/** The host of a URL as an address, when it is one. `URL` has brought all the ways to write an IPv4 address to one. */
export function addressIn(url: URL): string | null {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? null : host;
}

const NAMES_OF_THIS_MACHINE = /(^|\.)localhost\.?$/;

/**
 * What is wrong with the URL of an endpoint, as far as can be told without asking for the address of its host; that is looked
 * at whenever something is sent.
 */
export function urlFault(text: string, allowPrivate: boolean): string | null {
  if (!URL.canParse(text)) return 'url must be a URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'url must not have a user or a password';
  if (allowPrivate) return null;
  if (url.protocol !== 'https:') return 'url must begin with https://';
  const address = addressIn(url);
  const isHere = NAMES_OF_THIS_MACHINE.test(url.hostname);
  return isHere || (address !== null && !isPublicAddress(address)) ? 'url must lead to a host on the public internet' : null;
}
