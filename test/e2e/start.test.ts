import { TestDatabase } from '../support/database.js';
import { AppProcess } from '../support/process.js';

describe('a start with MIGRATE_ON_START on an empty database', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await TestDatabase.create();
    await database.sql('drop schema public cascade; create schema public');
  });
  afterAll(() => database.drop());

  it('migrates, says so in JSON where there is no terminal, and ends with 0 on SIGTERM', async () => {
    const app = await AppProcess.start({ DATABASE_URL: database.url, MIGRATE_ON_START: 'true', LOG_LEVEL: 'log' });
    expect((await app.api.get('/health/ready')).status).toBe(200);
    expect(await app.end()).toBe(0);
    expect(app.printed).toMatch(/"level":"info",.*"msg":"Ran Migration\d+_create_events_and_orders"/);
    expect(app.printed).not.toContain('\u001B');
    expect(app.printed).not.toContain('debug');
  });
});
