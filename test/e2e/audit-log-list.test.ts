import type { AuditedChange } from '../../src/platform/audit/audit-log.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient, Reply } from '../support/client.js';
import { createEvent, createTicketType } from '../support/factories.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { walk } from '../support/pages.js';
import { problemOf } from '../support/problems.js';

type Entry = AuditedChange & { id: string; at: string };

describe('the list of the audit log', () => {
  let running: TestApp;
  let provider: IdentityProvider;
  let api: ApiClient;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
    running = await startApp(provider.environment);
    api = running.api;
  });
  afterAll(async () => {
    await running.close();
    await provider.stop();
  });

  const list = (query = ''): Promise<Reply<{ items: Entry[]; nextCursor: string | null }>> =>
    api.get(`/v1/audit-log?limit=200${query}`);
  const count = async (): Promise<number> =>
    (await running.database.sql<{ count: number }>('select count(*)::integer as count from audit_log'))[0]!.count;

  it('is newest first, a page at a time, each row once', async () => {
    const eventId = await createEvent(api);
    for (let index = 0; index < 6; index++) await createTicketType(api, eventId, { name: `Type ${index}` });
    const paged = await walk<Entry>(api, `/v1/audit-log?eventId=${eventId}`, 2);
    expect(paged.map(({ after }) => (after as { name: string }).name)).toEqual([
      ...['Type 5', 'Type 4', 'Type 3', 'Type 2', 'Type 1', 'Type 0', 'Concert'],
    ]);
    expect((await walk<Entry>(api, '/v1/audit-log', 7)).length).toBe(await count());
  });

  it('is filtered by actor, action, target, event and time', async () => {
    const staff = api.as(await provider.token({ sub: 'filter', scope: 'admin' }));
    const eventId = await createEvent(staff);
    const typeId = await createTicketType(staff, eventId);
    await createTicketType(api, eventId);
    const actions = async (query: string) => (await list(query)).body.items.map(({ action }) => action);
    expect(await actions('&actor=user:filter')).toEqual(['ticket-type.created', 'event.created']);
    expect(await actions(`&targetId=${typeId.toUpperCase()}`)).toEqual(['ticket-type.created']);
    expect(await actions(`&eventId=${eventId}`)).toEqual(['ticket-type.created', 'ticket-type.created', 'event.created']);
    expect(await actions(`&eventId=${eventId}&action=event.created`)).toEqual(['event.created']);
    expect(await actions(`&actor=user:filter&action=api-key.created`)).toEqual([]);
    const [, middle] = (await list(`&eventId=${eventId}`)).body.items;
    expect(await actions(`&eventId=${eventId}&from=${middle!.at}`)).toHaveLength(2);
    expect(await actions(`&eventId=${eventId}&to=${middle!.at}`)).toEqual(['event.created']);
  });

  it('refuses what is no cursor', async () => {
    expect(problemOf(await list('&cursor=broken')).code).toBe('malformed-request');
  });
});
