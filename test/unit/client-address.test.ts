import type { Request } from 'express';
import { clientAddressOf } from '../../src/platform/http/client-address.js';

const from = (ip: string | undefined, remoteAddress = '192.0.2.99') =>
  clientAddressOf({ ip, socket: { remoteAddress } } as unknown as Request);

describe('whom limits per address count', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:DB8::1', '2001:db8::/64'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::/64'],
  ])('of %s it is %s', (ip, counted) => {
    expect(from(ip)).toBe(counted);
  });

  it.each([undefined, '', 'unknown', 'x'.repeat(10_000), '1.2.3.4:5678', '300.1.1.1'])(
    'what a proxy passes on is no address (%s): the proxy',
    (ip) => {
      expect(from(ip)).toBe('192.0.2.99');
    },
  );
});
