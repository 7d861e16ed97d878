import { bad, type BadInput, EVENT, GOOD, GOOD_BOOKING, malformed, patch, post, TYPE, UUID } from './bad-input.js';

/** `"text × times"` in JSON. */
const long = (text: string, times: number) => `"${text.repeat(times)}"`;
const pairs = (count: number) =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v'])));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

/** The same with one member more, which wins over an earlier one of its name. */
const withMember = (body: object, member: string) => `${JSON.stringify(body).slice(0, -1)},${member}}`;

const TEXTS = ['5', 'true', '[]', '{}', '["x"]', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud83c"'];
const REQUIRED_TEXTS = [...TEXTS, 'null', '""', '" "', '"\\u3000\\u00a0\\t"', long('x', 201), long('😀', 201), long('☺️', 101)];
const INTEGERS = ['-1', '1.5', '"5"', 'true', '[1]', '{}', '1e400', '-1e400', '1e-5', '9007199254740993', '1e21', '""'];
const UNKNOWN_MEMBERS = [
  '"id":"x"',
  '"version":1',
  '"__proto__":{"admin":true}',
  '"constructor":{"prototype":{}}',
  '"prototype":1',
  '"toString":"x"',
  '"hasOwnProperty":1',
  '"":1',
  '"a/b~c":1',
  '"n\\u0000":1',
];
const TIMES = [
  '"tomorrow"',
  '1792000000',
  '"2031-06-19"',
  '"2031-06-19T18:00:00"',
  '"2031-06-19 18:00:00Z"',
  '"2031-06-19T18:00Z"',
  '"2031-02-30T18:00:00Z"',
  '"2031-13-01T18:00:00Z"',
  '"2031-06-19T24:00:00Z"',
  '"2031-06-19T18:60:00Z"',
  '"2031-06-19T18:00:60Z"',
  '"2031-06-19T18:00:00+24:00"',
  '"2031-06-19T18:00:00+0200"',
  '"2031-06-19T18:00:00.0123456789Z"',
  '"0000-01-01T00:00:00Z"',
  '"1899-12-31T23:59:59Z"',
  '"+012031-06-19T18:00:00Z"',
  '"9999-12-31T23:59:59-00:01"',
  '"infinity"',
  '""',
];
const ZONES = ['"+02:00"', '"Mars/Olympus"', '"Europe/Berlin\\n"', '""', '1', long('A', 65), '"UTC\\u0000"', '["UTC"]'];
const CURRENCIES = ['"ZZZ"', '"eur"', '"EURO"', '"EU"', '"E€R"', '"EUR\\n"', '978', '""', '["EUR"]'];
const METADATA = [
  '[]',
  '"x"',
  'null',
  '{"a":1}',
  '{"a":null}',
  '{"a":{}}',
  '{"":"x"}',
  `{${long('k', 41)}:"x"}`,
  `{"a":${long('x', 501)}}`,
  pairs(21),
  '{"__proto__":"x"}',
  '{"constructor":"x"}',
  '{"toString":"x"}',
  '{"a":"\\u0000"}',
  '{"\\ud800":"x"}',
];
const PRICES = ['null', '4500', '[]', '{}', '{"amount":1}', '{"currency":"EUR"}', '{"amount":1,"currency":"EUR","tax":1}'];
const price = (amount: string, currency = '"EUR"') => `{"amount":${amount},"currency":${currency}}`;

const eventMembers = [
  ...REQUIRED_TEXTS.map((value) => `"name":${value}`),
  ...[...TEXTS, long('x', 10_001)].map((value) => `"description":${value}`),
  ...[...TEXTS, '""', '" "', long('x', 201)].map((value) => `"venue":${value}`),
  ...[...TIMES, 'null'].map((value) => `"startsAt":${value}`),
  ...['"2031-06-19T18:00:00"', '0'].map((value) => `"endsAt":${value}`),
  ...['"2031-02-29T00:00:00Z"', 'false'].flatMap((value) => [`"salesOpenAt":${value}`, `"salesCloseAt":${value}`]),
  ...[...ZONES, 'null'].map((value) => `"timeZone":${value}`),
  ...[...INTEGERS, '0', '1000001'].map((value) => `"maxTicketsPerCustomer":${value}`),
  ...METADATA.map((value) => `"metadata":${value}`),
  ...UNKNOWN_MEMBERS,
];
const ticketTypeMembers = [
  ...REQUIRED_TEXTS.map((value) => `"name":${value}`),
  ...[...PRICES, ...[...INTEGERS, '9007199254740992'].map((value) => price(value))].map((value) => `"price":${value}`),
  ...CURRENCIES.map((value) => `"price":${price('1', value)}`),
  ...[...INTEGERS, 'null', '10000001', '2147483648'].map((value) => `"capacity":${value}`),
  ...[...INTEGERS, 'null', '0', '101'].flatMap((value) => [`"minPerOrder":${value}`, `"maxPerOrder":${value}`]),
  ...UNKNOWN_MEMBERS,
];
/** Of a booking and of a cancellation. */
const itemsMembers = [
  ...['null', '{}', '[]', '"x"', '[null]', '[[]]', '["x"]', '[1]', '{"length":1,"0":{}}'].map((value) => `"items":${value}`),
  `"items":[${Array.from({ length: 21 }, (_, index) => `{"ticketTypeId":"${UUID.slice(0, -2)}${10 + index}","quantity":1}`).join()}]`,
  `"items":[${`${JSON.stringify(GOOD.item)},`.repeat(2).slice(0, -1)}]`,
  ...[...INTEGERS, 'null', '0', '101'].map((value) => `"items":[${withMember(GOOD.item, `"quantity":${value}`)}]`),
  ...['"x"', '5', 'null', '{}', '{"toString":1}', '[]', `"{${UUID}}"`, '"\\u0000"'].map(
    (value) => `"items":[${withMember(GOOD.item, `"ticketTypeId":${value}`)}]`,
  ),
  ...[...UNKNOWN_MEMBERS, '"price":1'].map((member) => `"items":[${withMember(GOOD.item, member)}]`),
];
const SECONDS = [...INTEGERS, 'null', '0', '29', '3601', '29.999'];
const bookingMembers = [
  ...itemsMembers,
  ...['null', '600', 'true', '[]', '{}', '"600"', '{"minutes":10}', '{"seconds":600,"until":1}'].map(
    (value) => `"hold":${value}`,
  ),
  ...SECONDS.map((value) => `"hold":{"seconds":${value}}`),
  ...['null', '"ada"', '[]', '{}', '{"name":"Ada"}'].map((value) => `"customer":${value}`),
  ...[...TEXTS, 'null', '""', '"ada"', '"a@b"', '"a b@c.de"', '"a@c.de\\u0000"', '"a@b@c.de"', `"${'a'.repeat(250)}@c.de"`].map(
    (value) => `"customer":{"email":${value}}`,
  ),
  ...[...REQUIRED_TEXTS]
    .filter((value) => value !== 'null')
    .map((value) => `"customer":${withMember(GOOD.customer, `"name":${value}`)}`),
  ...METADATA.map((value) => `"metadata":${value}`),
  ...UNKNOWN_MEMBERS,
];

/** Members of a PATCH, where each may be left out. */
const patchMembers = (members: string[]) => members.map((member) => `{${member}}`);

export const BAD_BODIES: BadInput[] = [
  ...eventMembers.map((member) => bad(post('/v1/events', withMember(GOOD.event, member)))),
  ...[...CURRENCIES, 'null'].map((value) => bad(post('/v1/events', withMember(GOOD.event, `"currency":${value}`)))),
  ...patchMembers([...eventMembers, '"currency":"EUR"', '"endsAt":"2000-01-01T00:00:00Z"']).map((body) =>
    bad(patch(EVENT, body)),
  ),
  ...ticketTypeMembers.map((member) => bad(post(`${EVENT}/ticket-types`, withMember(GOOD.ticketType, member)))),
  ...patchMembers([...ticketTypeMembers, '"held":0', '"minPerOrder":3,"maxPerOrder":2']).map((body) => bad(patch(TYPE, body))),
  ...bookingMembers.map((member) => bad(post(`${EVENT}/bookings`, withMember(GOOD_BOOKING, member)))),
  ...[...TEXTS, '""', '" "', long('x', 201)].map((value) => bad(post('/v1/orders/{order}/cancel', `{"reason":${value}}`))),
  ...itemsMembers.map((member) => bad(post('/v1/orders/{order}/cancel', `{${member}}`))),
  ...[...TEXTS, '""', '" "', long('x', 201)].map((value) =>
    bad(post('/v1/orders/{order}/confirm', `{"paymentReference":${value}}`)),
  ),
  ...['0', '1', '"true"', '""', 'null', '[]', '{}'].map((value) =>
    bad(post('/v1/orders/{order}/confirm', `{"reviveIfAvailable":${value}}`)),
  ),
  ...[...SECONDS.map((value) => `{"seconds":${value}}`), '{}', '[]', '{"seconds":60,"until":1}'].map((body) =>
    bad(post('/v1/orders/{order}/extend', body)),
  ),
  ...['"refund":true', ...UNKNOWN_MEMBERS].flatMap((member) =>
    ['/v1/orders/{order}/confirm', '/v1/orders/{order}/cancel', `${EVENT}/publish`, `${EVENT}/cancel`].map((path) =>
      bad(post(path, `{${member}}`)),
    ),
  ),
  ...['[]', '[{}]', '{}'].flatMap((body) =>
    ['/v1/events', `${EVENT}/ticket-types`, `${EVENT}/bookings`].map((path) => bad(post(path, body))),
  ),
  ...[
    patch(EVENT, '[]'),
    patch(TYPE, '[]'),
    post('/v1/orders/{order}/cancel', '[]'),
    post('/v1/orders/{order}/confirm', '[]'),
  ].map((request) => bad(request)),
  ...['null', '{', '', `{"a":${nested(40)}}`, `{"metadata":${nested(20_000)}}`].map((body) =>
    body === '' ? bad({ method: 'POST', path: '/v1/events' }) : malformed(post('/v1/events', body)),
  ),
];
