import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { startApp, type TestApp } from '../support/app.js';
import { takeBaseCopy, writeOwned } from '../support/base-copy.js';
import { checksums } from '../support/checksums.js';
import type { ApiClient } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { OwnServer } from '../support/own-server.js';

const SETTINGS_OF_THE_RESTORE = ['archive_mode', 'recovery_target_action', 'recovery_target_time', 'restore_command'];
const SCRIPTS = fileURLToPath(new URL('../../dist/src/scripts/', import.meta.url));
const PAGE = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

interface Booked {
  key: string;
  orderId: string;
}

/** Books again and again, through several clients at once, until it is stopped. */
function load(api: ApiClient, eventId: string, ticketTypeId: string, acknowledged: Booked[]) {
  const ended = new AbortController();
  const client = async () => {
    while (!ended.signal.aborted) {
      const key = randomUUID();
      const { status, body } = await api.book(eventId, { [ticketTypeId]: 1 }, { key });
      if (status !== 201) throw new Error(`A booking was answered with ${status}`);
      acknowledged.push({ key, orderId: body.id });
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, client));
  return {
    stop: async () => {
      ended.abort();
      await clients;
    },
  };
}

/** The drill of docs/operations.md, on the embedded binaries. */
describe('a restore to a point in time', () => {
  let primary: OwnServer;
  let database: TestDatabase;
  let running: TestApp;
  let restored: EmbeddedPostgres;
  let restoredDatabase: TestDatabase;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-restore-'));
  const archive = join(folder, 'archive');
  const copy = join(folder, 'copy');

  let eventId: string;
  let ticketTypeId: string;
  let expected: Record<string, string>;
  const before: Booked[] = [];
  const after: Booked[] = [];

  const archiveCommand = /^archive_command = '(.+)'$/m.exec(PAGE)![1]!.replaceAll('/backup/wal', archive);

  /** As `npm run` does, on the restored database. */
  function runScript(name: string): { status: number | null; out: string } {
    const env = { PATH: process.env['PATH'], DATABASE_URL: restoredDatabase.url };
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(SCRIPTS, `${name}.js`)], { env, encoding: 'utf8' });
    return { status, out: stdout + stderr };
  }

  async function archiveTheLog(): Promise<void> {
    const [written] = await database.sql<{ segment: string }>(
      'select pg_walfile_name(pg_current_wal_lsn()) as segment, pg_switch_wal()',
    );
    await eventually('the log is archived', async () => {
      const [archiver] = await database.sql<{ done: boolean }>(
        `select coalesce(last_archived_wal >= $1, false) as done from pg_stat_archiver`,
        [written!.segment],
      );
      return archiver!.done;
    });
  }

  beforeAll(async () => {
    primary = await OwnServer.start();
    database = await TestDatabase.open(primary.url);
    const [server] = await database.sql<{ data: string }>(`select current_setting('data_directory') as data`);
    // The server does not run as root, and must get through it.
    chmodSync(folder, 0o711);
    mkdirSync(archive);
    mkdirSync(copy);
    const { uid, gid } = statSync(server!.data);
    if (process.getuid?.() === 0) chownSync(archive, uid, gid);
    await database.sql(`alter system set archive_mode = on`);
    await database.sql(`alter system set archive_command = '${archiveCommand}'`);
    await database.leave();
    await primary.stop();
    await primary.startAgain();
    database = await TestDatabase.open(primary.url);
    running = await startApp({}, database);

    const { api } = running;
    ({ eventId, ticketTypeId } = await eventOnSale(api, [100_000]));
    const held = await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 600 });
    const cancelled = await api.book(eventId, { [ticketTypeId]: 3 });
    await api.post(`/v1/orders/${held.body.id}/extend`, { seconds: 900 });
    await api.post(`/v1/orders/${cancelled.body.id}/cancel`, { reason: 'ill' });

    const sale = load(api, eventId, ticketTypeId, before);
    await takeBaseCopy(primary.url, copy);
    const atCopy = before.length;
    await eventually('bookings after the copy', async () => before.length > atCopy + 50);
    await sale.stop();
  });
  afterAll(async () => {
    await restoredDatabase?.leave();
    await restored?.stop();
    await running?.close();
    await database?.leave();
    await primary?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('takes a base copy under load, and an archive of the log', async () => {
    expect(before.length).toBeGreaterThan(50);
    expect(await database.brokenInvariants()).toEqual([]);
    expected = await checksums(database);
    const [clock] = await database.sql<{ now: string }>('select clock_timestamp()::text as now');

    const sale = load(running.api, eventId, ticketTypeId, after);
    await eventually('bookings after the point in time', async () => after.length > 20);
    await sale.stop();
    // What the restore is for.
    await database.sql('delete from order_history');
    expect(await database.brokenInvariants()).not.toEqual([]);
    await archiveTheLog();

    const data = join(copy, 'postgres');
    await writeOwned(data, 'recovery.signal', '');
    await writeOwned(
      data,
      'postgresql.auto.conf',
      [
        '',
        `archive_mode = off`,
        `restore_command = 'cp ${archive}/%f %p'`,
        `recovery_target_time = '${clock!.now}'`,
        `recovery_target_action = promote`,
        '',
      ].join('\n'),
    );
    restored = new EmbeddedPostgres(copy);
    await restored.start();
    restoredDatabase = await eventually('the restored server answers and takes writes', async () => {
      const opened = await TestDatabase.open(restored.url('holdfast')).catch(() => undefined);
      const [recovery] = (await opened?.sql<{ over: boolean }>('select not pg_is_in_recovery() as over')) ?? [];
      if (recovery?.over) return opened;
      await opened?.leave();
      return undefined;
    });
  });

  it('archives a segment twice when the server asks for it, and no other file under its name', () => {
    const segment = readdirSync(archive).find((name) => /^[0-9A-F]{24}$/.test(name))!;
    const archiveAs = (file: string) =>
      spawnSync('sh', ['-c', archiveCommand.replaceAll('%p', file).replaceAll('%f', segment)]).status;
    expect(archiveAs(join(archive, segment))).toBe(0);
    expect(archiveAs(join(copy, 'postgres-password'))).not.toBe(0);
    expect(readdirSync(archive)).toContain(segment);
  });

  it('has every row as it was at that time, and none that came later', async () => {
    expect(await checksums(restoredDatabase)).toEqual(expected);
    const orders = await restoredDatabase.sql<{ id: string }>('select id from orders');
    const ids = new Set(orders.map(({ id }) => id));
    expect(before.filter(({ orderId }) => !ids.has(orderId))).toEqual([]);
    expect(after.filter(({ orderId }) => ids.has(orderId))).toEqual([]);
  });

  it('passes the invariants, and the app goes on with it: old keys are repeats, lost ones book anew', async () => {
    await restoredDatabase.sql('vacuum (analyze)');
    expect(runScript('migrate')).toEqual({ status: 0, out: expect.stringContaining('The schema is up to date.') });
    expect(runScript('reconcile')).toEqual({ status: 0, out: expect.stringMatching(/not checked: 0, drifts: 0,/) });
    expect(await restoredDatabase.brokenInvariants()).toEqual([]);
    const second = await startApp({}, restoredDatabase);
    try {
      const { api } = second;
      const [kept, lost] = [before.at(-1)!, after.at(-1)!];
      const repeat = await api.book(eventId, { [ticketTypeId]: 1 }, { key: kept.key });
      expect([repeat.status, repeat.body.id]).toEqual([201, kept.orderId]);
      expect(repeat.headers.get('idempotent-replayed')).toBe('true');
      const anew = await api.book(eventId, { [ticketTypeId]: 1 }, { key: lost.key });
      expect(anew.status).toBe(201);
      expect(anew.headers.get('idempotent-replayed')).toBeNull();
      expect(await restoredDatabase.brokenInvariants()).toEqual([]);
    } finally {
      await second.close();
    }
  });

  it('leaves nothing of the restore in the settings, where a standby of the next base backup would find it', async () => {
    const settings = async () => {
      const rows = await restoredDatabase.sql<{ name: string }>(
        `select name from pg_settings where name = any($1) and source <> 'default' order by name`,
        [SETTINGS_OF_THE_RESTORE],
      );
      return rows.map(({ name }) => name);
    };
    expect(await settings()).toEqual(SETTINGS_OF_THE_RESTORE);
    for (const name of SETTINGS_OF_THE_RESTORE) await restoredDatabase.sql(`alter system reset ${name}`);
    await restoredDatabase.leave();
    await restored.stop();
    await restored.start();
    restoredDatabase = await TestDatabase.open(restored.url('holdfast'));
    expect(await settings()).toEqual([]);
    expect(await restoredDatabase.brokenInvariants()).toEqual([]);
  });
});
