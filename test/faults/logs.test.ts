import { ADMIN } from '../support/api-keys.js';
import { redact } from '../../src/platform/observability/redact.js';
import { TestDatabase } from '../support/database.js';
import { eventBody, eventOnSale } from '../support/factories.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { eventually } from '../support/faults.js';
import { AppProcess, MAIN } from '../support/process.js';

describe('what is logged', () => {
  it.each(['json', 'pretty'])(
    'has no key, token or whole e-mail address, whatever fails, at its most talkative: %s',
    async (format) => {
      const database = await TestDatabase.create();
      const provider = await IdentityProvider.start();
      const app = await AppProcess.start({
        DATABASE_URL: database.url,
        LOG_LEVEL: 'verbose',
        LOG_FORMAT: format,
        ...provider.environment,
      });
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
      // MikroORM writes events, and puts the row that was refused into its message.
      await database.sql(`alter table events add constraint no_party check (name <> 'Party')`);
      const party = { name: 'Party', description: 'Line one).\n at Ada’s', metadata: { door: 'code 4711' } };
      expect((await api.post('/v1/events', eventBody(party))).status).toBe(500);
      expect((await book()).status).toBe(201);
      await api.get(`/v1/orders?email=${encodeURIComponent(email)}`);
      const subject = 'auth0|hidden';
      const persons = [
        [{ email }, `email=${encodeURIComponent(email)}`],
        [{ subject }, `subject=${encodeURIComponent(subject)}`],
      ] as const;
      for (const [, query] of persons) {
        expect((await api.get(`/v1/customers/export?${query}`)).status).toBe(200);
      }
      await database.sql('alter table orders rename customer_key to was_customer_key');
      await database.sql('alter table orders rename customer_subject to was_customer_subject');
      for (const [person, query] of persons) {
        expect((await api.get(`/v1/customers/export?${query}`)).status).toBe(500);
        expect((await api.post('/v1/customers/erase', person)).status).toBe(500);
      }
      await database.sql('alter table orders rename was_customer_key to customer_key');
      await database.sql('alter table orders rename was_customer_subject to customer_subject');
      await api.as(token).get('/v1/orders');
      await api.as(`${token}x`).get('/v1/orders');
      expect(await app.end()).toBe(0);
      await provider.stop();

      expect(app.printed).toContain('failed with 500');
      expect(app.printed).toMatch(/violates check constraint \\?"no_party/);
      for (const secret of [
        '4711',
        'Line one',
        email,
        subject,
        'hidden',
        ADMIN.key,
        ADMIN.key.split('_')[2]!,
        token,
        token.split('.')[2]!,
      ]) {
        expect(app.printed).not.toContain(secret);
      }
      await database.drop();
    },
  );

  it('has no row that the database refused, also when nobody catches the error', async () => {
    const database = await TestDatabase.create();
    const failure = `Object.assign(new Error('nobody caught this'), { detail: 'Failing row contains (ada@example.com).' })`;
    const onSignal = encodeURIComponent(`process.once('SIGUSR2', () => { throw ${failure}; })`);
    const app = await AppProcess.start({ DATABASE_URL: database.url }, ['--import', `data:text/javascript,${onSignal}`, MAIN]);
    app.child.kill('SIGUSR2');
    await eventually('the end', () => Promise.resolve(app.child.exitCode !== null));
    expect(app.child.exitCode).toBe(1);
    expect(app.printed).toContain('nobody caught this');
    expect(app.printed).not.toContain('ada@example.com');
    await database.drop();
  });

  // Were the time not linear, this would take minutes.
  it.each(['a', '"', 'a.', 'a@', '%40'])('is looked through in linear time: %s, over and over', (text) => {
    expect(redact(text.repeat(300_000))).toBe(text.repeat(300_000));
  });

  it.each([
    [`key ${ADMIN.key}!`, `key ${ADMIN.key.slice(0, 20)}[secret]!`],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [token]'],
    ['eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln', '[token]'],
    ['postgresql://app:s3cret@db:5432/x', 'postgresql://app:[password]@db:5432/x'],
    ["('ada@example.com', 'grace.h@x.example')", "('a…@example.com', 'g…@x.example')"],
    ['"ada lovelace"@example.com, _@example.com', '…@example.com, _…@example.com'],
    ['GET /v1/orders?email=ada%40example.com', 'GET /v1/orders?email=a…@example.com'],
    ['whsec_c2VjcmV0', 'whsec_[secret]'],
    ['Failing row contains (1, (x).).\n    at f (x.js:1)', 'Failing row contains ([row]).\n    at f (x.js:1)'],
    ['Key (email, id)=(ada, 1) already exists.', 'Key (email, id)=([key]) already exists.'],
    ['at Object.<anonymous> (node_modules/@nestjs/core/x.js:1:2)', 'at Object.<anonymous> (node_modules/@nestjs/core/x.js:1:2)'],
    ['nothing to hide', 'nothing to hide'],
  ])('of %s there is %s', (text, shown) => {
    expect(redact(text)).toBe(shown);
  });
});
