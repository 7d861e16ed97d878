import { isPublicAddress, urlFault } from '../../src/modules/webhooks/index.js';

describe('addresses that webhooks may go to', () => {
  it.each([
    ...['8.8.8.8', '1.1.1.1', '93.184.215.14', '172.15.255.255', '172.32.0.0', '192.167.255.255', '100.63.255.255'],
    ...['100.128.0.0', '169.253.255.255', '223.255.255.254', '2606:4700:4700::1111', '2a00:1450:4001:82f::200e'],
  ])('%s', (address) => expect(isPublicAddress(address)).toBe(true));

  it.each([
    // Private, loopback, link-local (with the metadata services of clouds), shared, unspecified.
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '127.0.0.1', '127.255.255.254', '169.254.0.1'],
    ...['169.254.169.254', '100.64.0.1', '100.100.100.200', '100.127.255.255', '0.0.0.0', '0.1.2.3'],
    // Multicast, broadcast, reserved, documentation, benchmarks, relays.
    ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '192.0.0.1', '192.0.0.170', '192.0.2.1'],
    ...['198.51.100.1', '203.0.113.1', '198.18.0.1', '198.19.255.255', '192.88.99.1'],
    // The same in IPv6.
    ...['::', '::1', 'fe80::1', 'febf::1', 'fec0::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1', 'ff0e::1'],
    ...['2001:db8::1', '100::1', '2001::1', '2001:2::1', '2001:10::1', '3fff::1', '4000::1', 'e000::1'],
    // IPv6 that leads to IPv4: mapped, compatible, translated, NAT64, 6to4.
    ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8', '::127.0.0.1', '::8.8.8.8', '::ffff:0:127.0.0.1'],
    ...['64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::7f00:1', '2002:7f00:1::', '2002:808:808::1'],
    // No addresses.
    ...['', 'localhost', '127.1', '0x7f.1', '8.8.8.8.8', '[::1]', 'fe80::1%eth0'],
  ])('not %s', (address) => expect(isPublicAddress(address)).toBe(false));
});

describe('URLs of endpoints', () => {
  it.each(['https://erp.example.com/', 'https://erp.example.com:8443/a?b=c#d', 'https://8.8.8.8/', 'https://[2606:4700::1]/'])(
    '%s',
    (url) => expect(urlFault(url, false)).toBeNull(),
  );

  it.each([
    ...['http://erp.example.com/', 'ftp://erp.example.com/', 'https://', 'https://a b/', 'https://user@erp.example.com/'],
    ...['https://:secret@erp.example.com/', 'https://localhost/', 'https://LOCALHOST./', 'https://a.localhost/'],
    // One address in all the ways that browsers know.
    ...['https://127.0.0.1/', 'https://127.1/', 'https://2130706433/', 'https://017700000001/', 'https://0x7f000001/'],
    ...['https://0177.0.0.1/', 'https://0x7f.0.0.1/', 'https://127.0.0.1./', 'https://①②⑦.0.0.1/', 'https://0/'],
    ...['https://[::1]/', 'https://[::ffff:127.0.0.1]/', 'https://[0:0:0:0:0:0:0:1]/', 'https://[64:ff9b::7f00:1]/'],
    ...['https://169.254.169.254/latest/meta-data/', 'https://10.1/', 'https://[fd00::1]/'],
  ])('not %s', (url) => expect(urlFault(url, false)).toEqual(expect.stringContaining('url must')));

  it.each(['http://127.0.0.1:8080/', 'https://localhost/', 'http://[::1]/'])('%s where private networks are allowed', (url) =>
    expect(urlFault(url, true)).toBeNull(),
  );

  it('with credentials, never', () => expect(urlFault('http://a:b@127.0.0.1/', true)).toContain('password'));
});
