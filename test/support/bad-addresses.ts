import { bad, type BadInput, EVENT, get, GOOD, GOOD_BOOKING, malformed, patch, post, TYPE, UUID } from './bad-input.js';

const BROKEN_IDS = [
  'x',
  '1',
  UUID.slice(1),
  `${UUID}0`,
  UUID.replace('0', 'g'),
  `{${UUID}}`,
  `urn:uuid:${UUID}`,
  `%20${UUID}`,
  '%00',
  '..%2F',
  '%F0%9F%98%80',
  "'or'1'='1",
];
const atId = (id: string): Array<Omit<BadInput, 'status' | 'code'>> => [
  get(`/v1/events/${id}`),
  patch(`/v1/events/${id}`, '{}'),
  post(`/v1/events/${id}/publish`, '{}'),
  post(`/v1/events/${id}/cancel`, '{}'),
  post(`/v1/events/${id}/bookings`, JSON.stringify(GOOD_BOOKING)),
  get(`/v1/events/${id}/availability`),
  get(`/v1/events/${id}/availability/stream`),
  get(`/v1/events/${id}/orders.csv`),
  get(`/v1/events/${id}/ticket-types`),
  post(`/v1/events/${id}/ticket-types`, JSON.stringify(GOOD.ticketType)),
  get(`${EVENT}/ticket-types/${id}`),
  patch(`${EVENT}/ticket-types/${id}`, '{}'),
  { method: 'DELETE', path: `${EVENT}/ticket-types/${id}` },
  get(`/v1/orders/${id}`),
  get(`/v1/orders/${id}/history`),
  post(`/v1/orders/${id}/confirm`, '{}'),
  post(`/v1/orders/${id}/extend`, '{"seconds":60}'),
  post(`/v1/orders/${id}/cancel`, '{}'),
];

const cursorOf = (place: string) => Buffer.from(place).toString('base64url');
const BROKEN_CURSORS = [
  'broken',
  '%F0%9F%98%80',
  `${cursorOf('[1]')}=`,
  `${cursorOf(`["2031-01-01T00:00:00Z","${UUID}"]`)}!`,
  cursorOf('{}'),
  cursorOf('[]'),
  cursorOf('[null]'),
  cursorOf('[1.5]'),
  cursorOf('[1e400]'),
  cursorOf('[2147483648]'),
  cursorOf('["1"]'),
  cursorOf('[null,null]'),
  cursorOf(`["2031-01-01T00:00:00Z","x"]`),
  cursorOf(`["2031-02-30T00:00:00Z","${UUID}"]`),
  cursorOf(`["9999-12-31T23:59:59-23:59","${UUID}"]`),
  cursorOf(`["2031-01-01T00:00:00Z\u0000","${UUID}"]`),
  cursorOf(`["2031-01-01T00:00:00Z","${UUID}",1]`),
  cursorOf(`["2031-01-01T00:00:00Z",{"toString":1}]`),
];
const LISTS = ['/v1/events', `${EVENT}/ticket-types`, '/v1/orders', '/v1/orders/{order}/history'];
const PAGE_QUERIES = [
  'limit=0',
  'limit=-1',
  'limit=201',
  'limit=1.5',
  'limit=x',
  'limit=',
  'limit=1e1',
  'limit=%201',
  'limit=99999999999999999999',
  'limit=1&limit=2',
  'limit[]=1',
  'cursor=',
  `cursor=${'x'.repeat(513)}`,
  'cursor=a&cursor=b',
  'cursor=%00',
  'unknown=1',
  'pageSize=5',
  '__proto__=1',
  'constructor=1',
  'toString=1',
  '=1',
];
const EVENT_QUERIES = [
  'status=Draft',
  'status=',
  'status=draft&status=draft',
  'startsAfter=soon',
  'startsAfter=2031-01-01',
  'startsAfter=2031-01-01T00:00:00',
  'startsBefore=2031-01-01T00:00:00+01:00',
  'startsBefore=9999-12-31T23:59:59-01:00',
  'startsBefore=',
  'q=',
  'q=%20',
  'q=%00',
  `q=${'x'.repeat(201)}`,
  'q=a&q=b',
  'eventId=x',
];
const ORDER_QUERIES = [
  'eventId=x',
  `eventId=${UUID}&eventId=${UUID}`,
  'status=paid',
  'email=nobody',
  'email=',
  'email=a@b.de&email=c@d.de',
  'email=a@b.de%00',
  'q=x',
];

export const BAD_ADDRESSES: BadInput[] = [
  ...BROKEN_IDS.map((id) => malformed(get(`/v1/events/${id}`))),
  ...atId('not-a-uuid').map(malformed),
  ...LISTS.flatMap((path) => BROKEN_CURSORS.map((cursor) => malformed(get(`${path}?cursor=${cursor}`)))),
  ...LISTS.flatMap((path) => PAGE_QUERIES.map((query) => bad(get(`${path}?${query}`)))),
  ...EVENT_QUERIES.map((query) => bad(get(`/v1/events?${query}`))),
  ...ORDER_QUERIES.map((query) => bad(get(`/v1/orders?${query}`))),
];

const NO_TAGS = ['1', '', '"1', '"1", x', '"1" "2"', '**', "'1'", 'w/"1"', '"1",'];
const WRONG_TAGS = ['"0"', '"01"', '"1.0"', '""', 'W/"1"', '"\u00e9"'];

export const BAD_HEADERS: BadInput[] = [EVENT, TYPE].flatMap((path) => [
  ...NO_TAGS.map((tags) => malformed({ ...patch(path, '{}'), headers: { 'if-match': tags } })),
  ...WRONG_TAGS.map((tags) => bad({ ...patch(path, '{}'), headers: { 'if-match': tags } }, 412, 'stale-version')),
  bad({ method: 'PATCH', path, body: '{}' }, 428, 'precondition-required'),
]);
