import { chown, copyFile, lstat, mkdir, readdir, symlink, readlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Client } from 'pg';
import { pg } from '../../src/platform/database/pg-client.js';

/** What a copy must not have: the log that the backup makes needless, and what belongs to the running server. */
const LEFT_OUT = /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)$/;
const NOT_COPIED = new Set(['postmaster.pid', 'postmaster.opts', 'server.log']);

/**
 * Copies the data of a running server of this machine, as pg_basebackup would (the embedded binaries have none): a folder
 * that {@link EmbeddedPostgres} can be started on once a standby.signal or recovery.signal is there.
 * @param url of a superuser
 * @param directory gets `postgres/` and `postgres-password`, like that of the embedded server
 */
export async function takeBaseCopy(url: string, directory: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    const source = await setting(client, 'data_directory');
    const target = join(directory, 'postgres');
    await client.query(`select pg_backup_start('copy', true)`);
    await copyFolder(source, target);
    const { rows } = await client.query<{ labelfile: string; spcmapfile: string }>('select * from pg_backup_stop(false)');
    const label = join(target, 'backup_label');
    await writeFile(label, rows[0]!.labelfile);
    await chownLike(label, source);
    await copyOwned(join(dirname(source), 'postgres-password'), join(directory, 'postgres-password'));
  } finally {
    await client.end();
  }
}

export async function setting(client: Client, name: string): Promise<string> {
  const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [name]);
  return rows[0]!.value;
}

/** Writes a file that the server of this data folder may read. */
export async function writeOwned(data: string, name: string, text: string): Promise<void> {
  const file = join(data, name);
  await writeFile(file, text, { flag: 'a', mode: 0o600 });
  await chownLike(file, data);
}

async function chownLike(path: string, like: string): Promise<void> {
  const { uid, gid } = await lstat(like);
  if (process.getuid?.() === 0) await chown(path, uid, gid);
}

async function copyFolder(source: string, target: string): Promise<void> {
  await mkdir(target, { mode: 0o700, recursive: true });
  await chownLike(target, source);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    if (NOT_COPIED.has(entry.name)) continue;
    if (entry.isDirectory()) await (LEFT_OUT.test(entry.name) ? copyTree(from, to) : copyFolder(from, to));
    else if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
    else await copyOwned(from, to);
  }
}

/** The folders of a folder, without the files. */
async function copyTree(source: string, target: string): Promise<void> {
  await mkdir(target, { mode: 0o700 });
  await chownLike(target, source);
  if (!source.endsWith('pg_wal')) return;
  for (const name of ['archive_status', 'summaries']) {
    await mkdir(join(target, name), { mode: 0o700 });
    await chownLike(join(target, name), source);
  }
}

/** Copies a file unless it was removed meanwhile, which the log then makes good. */
async function copyOwned(source: string, target: string): Promise<void> {
  try {
    await copyFile(source, target);
    await chownLike(target, source);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
