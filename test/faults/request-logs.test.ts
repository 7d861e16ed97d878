import { randomUUID } from 'node:crypto';
import { ADMIN } from '../support/api-keys.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { AppProcess } from '../support/process.js';

type Line = Record<string, unknown>;

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the lines of requests', () => {
  let database: TestDatabase;
  let provider: IdentityProvider;

  beforeAll(async () => {
    database = await TestDatabase.create();
    provider = await IdentityProvider.start();
  });
  afterAll(async () => {
    await provider.stop();
    await database.drop();
  });

  /** What an app logs while `work` runs: its lines, which are all JSON but those of its announcement. */
  async function logged(variables: Record<string, string>, work: (app: AppProcess) => Promise<unknown>): Promise<string[]> {
    const app = await AppProcess.start({ DATABASE_URL: database.url, LOG_LEVEL: 'log', ...provider.environment, ...variables });
    await work(app);
    expect(await app.end()).toBe(0);
    return app.printed.split('\n').filter((line) => line !== '' && !/^(API|Swagger UI):/.test(line));
  }

  const answers = (lines: string[]) => lines.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === 'answered');

  it('are one for each, with route, status, time, outcome and kind of caller, and nothing of what was sent', async () => {
    const email = 'ada@example.com';
    const lines = await logged({}, async ({ api }) => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [1]);
      await api.book(eventId, { [ticketTypeId]: 1 }, { email, key: 'key-of-ada' });
      await api.as(await provider.token({ sub: 'ada' })).get(`/v1/orders?email=${email}`);
      await api.as(null).get(`/v1/orders/${randomUUID()}`);
      await api.get(`/v1/unknown?${email}`);
      await api.get('/health/live');
      await api.get('/health/ready');
    });
    const ms = expect.any(Number);
    const common = { level: 'info', context: 'Request', pid: expect.any(Number), time: expect.any(String), ms };
    const found = answers(lines).slice(-4);
    expect(found.map(({ requestId, ...line }) => [typeof requestId, line])).toEqual(
      [
        { method: 'POST', route: '/v1/events/:eventId/bookings', status: 201, outcome: 'confirmed', callerKind: 'api-key' },
        { method: 'GET', route: '/v1/orders', status: 200, callerKind: 'user' },
        { method: 'GET', route: '/v1/orders/:orderId', status: 401, outcome: 'unauthenticated', callerKind: 'anonymous' },
        { method: 'GET', route: 'other', status: 404, outcome: 'route-not-found', callerKind: 'anonymous' },
      ].map((line) => ['string', { ...common, msg: 'answered', ...line }]),
    );
    const text = lines.join('\n');
    for (const secret of [email, 'key-of-ada', ADMIN.key]) expect(text).not.toContain(secret);
  });

  it("have the caller's request id and trace id, as has what is logged meanwhile; a key that was sent as id is not shown", async () => {
    await database.sql(`alter table orders add constraint never check (customer_name <> 'Grace')`);
    const lines = await logged({}, async ({ api }) => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const body = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com', name: 'Grace' } };
      const headers = { 'x-request-id': 'case-17', traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` };
      const reply = await api.post(`/v1/events/${eventId}/bookings`, body, { ...headers, 'idempotency-key': randomUUID() });
      expect(reply.status).toBe(500);
      await api.get('/v1/orders', { 'x-request-id': ADMIN.key });
    });
    await database.sql('alter table orders drop constraint never');
    const ofCase = lines.map((line) => JSON.parse(line) as Line).filter(({ requestId }) => requestId === 'case-17');
    expect(ofCase.map(({ level, context, traceId }) => [level, context, traceId])).toEqual([
      ['error', 'ProblemFilter', TRACE_ID],
      ['info', 'Request', TRACE_ID],
    ]);
    expect(ofCase[0]!['err']).toMatchObject({ stack: expect.stringMatching(/never[^]*\n +at /) });
    expect(lines.join('\n')).not.toContain(ADMIN.key);
  });

  it.each<Record<string, string>>([{ LOG_LEVEL: 'warn' }, { LOG_REQUESTS: 'false' }])(
    'are left out with %j',
    async (variables) => {
      const lines = await logged(variables, ({ api }) => api.get('/v1/events'));
      expect(answers(lines)).toEqual([]);
    },
  );

  it('can be made to read', async () => {
    const lines = await logged({ LOG_FORMAT: 'pretty' }, ({ api }) => api.get('/v1/events'));
    const line = lines.find((one) => one.includes('answered'));
    expect(line).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: answered \{.*"route":"\/v1\/events","status":200/);
  });
});
