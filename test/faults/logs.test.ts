import { ADMIN } from '../support/api-keys.js';
import { redact } from '../../src/platform/observability/redact.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { AppProcess } from '../support/process.js';

describe('what is logged', () => {
  it('has no key, token or whole e-mail address, whatever fails, at the most talkative level', async () => {
    const database = await TestDatabase.create();
    const provider = await IdentityProvider.start();
    const app = await AppProcess.start({ DATABASE_URL: database.url, LOG_LEVEL: 'verbose', ...provider.environment });
    const { api } = app;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const email = 'ada.lovelace+tickets@example.com';
    const token = await provider.token({ sub: 'ada' });
    const book = () => api.book(eventId, { [ticketTypeId]: 1 }, { email });
    await database.sql(`
      create function tell() returns trigger language plpgsql as $$
      begin raise exception 'refused: %', new.customer_email using detail = to_jsonb(new)::text; end $$;
      create trigger tell before insert on orders for each row execute function tell()`);
    expect((await book()).status).toBe(500);
    await database.sql(`drop trigger tell on orders; alter table orders add constraint no_ada check (customer_name <> 'Ada')`);
    expect((await book()).status).toBe(500);
    await database.sql('alter table orders drop constraint no_ada');
    expect((await book()).status).toBe(201);
    await api.get(`/v1/orders?email=${encodeURIComponent(email)}`);
    await api.as(token).get('/v1/orders');
    await api.as(`${token}x`).get('/v1/orders');
    expect(await app.end()).toBe(0);
    await provider.stop();

    expect(app.printed).toContain('failed with 500');
    for (const secret of [email, ADMIN.key, ADMIN.key.split('_')[2]!, token, token.split('.')[2]!]) {
      expect(app.printed).not.toContain(secret);
    }
    await database.drop();
  });

  it.each([
    [`key ${ADMIN.key}!`, `key ${ADMIN.key.slice(0, 20)}[secret]!`],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [token]'],
    ['eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln', '[token]'],
    ['postgresql://app:s3cret@db:5432/x', 'postgresql://app:[password]@db:5432/x'],
    ["('ada@example.com', 'grace.h@x.example')", "('a…@example.com', 'g…@x.example')"],
    ['nothing to hide', 'nothing to hide'],
  ])('of %s there is %s', (text, shown) => {
    expect(redact(text)).toBe(shown);
  });
});
