import { existsSync } from 'node:fs';
import { TestDatabase } from '../../support/database.js';
import { Load } from '../../support/load/load.js';
import { ALL_WELL, settle } from '../../support/load/report.js';
import { during, FAULT_TIMEOUT_MS, Rig } from '../../support/load/rig.js';
import { makeOverdue } from '../../support/orders.js';
import { eventOnSale } from '../../support/factories.js';

/** Of the Debian package `libfaketime`, by architecture. */
const LIBRARY = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path));

const HOLD_SECONDS = 600;
/** In it each app looks for holds that have ended, which must not be those of its own clock. */
const TWO_RUNS_OF_EXPIRY_MS = 6_500;

const describeWithLibrary = LIBRARY ? describe : describe.skip;

describeWithLibrary(
  LIBRARY
    ? 'the clock of an app is an hour wrong'
    : 'the clock of an app is an hour wrong: skipped, as libfaketime is not installed',
  () => {
    let database: TestDatabase;

    beforeAll(async () => {
      database = await TestDatabase.create();
    });
    afterAll(() => database.drop());

    it.each([['+3600'], ['-3600']])(
      'by %s seconds: holds end by the clock of the database, and every key was done once',
      async (offset) => {
        // The timers of the app go by the monotonic clock, which is left alone.
        const clock = {
          LD_PRELOAD: LIBRARY!,
          FAKETIME: `${offset}s`,
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
          DONT_FAKE_MONOTONIC: '1',
        };
        const rig = await Rig.start(database.url, 1);
        try {
          rig.apps.push(await rig.startApp(clock));
          const { api } = rig.apps[1]!;
          const { headers } = await api.get('/health/live');
          expect(Math.abs(Date.parse(headers.get('date')!) - Date.now())).toBeGreaterThan(3_000_000);

          const { eventId, ticketTypeId } = await eventOnSale(api, [2]);
          const hold = await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: HOLD_SECONDS });
          const [row] = await database.sql<{ seconds: number }>(
            `select extract(epoch from expires_at - now())::float8 as seconds from orders where id = $1`,
            [hold.body.id],
          );
          expect(Math.abs(row!.seconds - HOLD_SECONDS)).toBeLessThan(60);
          expect((await api.get(`/v1/orders/${hold.body.id}`)).body.status).toBe('held');
          expect((await api.book(eventId, { [ticketTypeId]: 1 })).body.code).toBe('sold-out');
          await makeOverdue(database, hold.body.id);
          expect((await api.get(`/v1/orders/${hold.body.id}`)).body.status).toBe('expired');
          expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);

          const kept = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: HOLD_SECONDS });
          expect(kept.status).toBe(201);
          const events = await rig.eventsForSale();
          const load = await Load.during({ apis: rig.apis, events }, async (running) => {
            await running.progress(50);
            await during({ shortMs: TWO_RUNS_OF_EXPIRY_MS, longMs: 10_000 });
          });
          expect((await api.get(`/v1/orders/${kept.body.id}`)).body).toMatchObject({ status: 'held', version: 1 });
          expect(await settle(`the clock of one of two apps is ${offset} s wrong`, load, events, database)).toEqual(ALL_WELL);
        } finally {
          await rig.end();
        }
      },
      FAULT_TIMEOUT_MS,
    );
  },
);
