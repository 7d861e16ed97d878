import type { Client } from 'pg';
import { pg } from '../../src/platform/database/pg-client.js';
import type { LoadResult, SqlLoad } from './loads.js';
import type { Recorder } from './recorder.js';
import { bookByFunction } from './stored-function.js';
import { bookByTextbook } from './textbook.js';

/** Books on raw connections, one booking at a time on each. */
export async function runSqlLoad(load: SqlLoad, recorder: Recorder): Promise<LoadResult> {
  const book = load.kind === 'textbook' ? bookByTextbook : bookByFunction;
  const clients: Client[] = [];
  let buyers = 0;
  try {
    for (let connection = 0; connection < load.connections; connection++) clients.push(await connect(load.databaseUrl));
    const bookUntilOver = async (client: Client) => {
      while (!recorder.isOver) {
        buyers += 1;
        const target = load.targets[Math.floor(Math.random() * load.targets.length)]!;
        const startedAt = performance.now();
        await book(client, target, buyers, `${load.keyPrefix}-${buyers}`);
        recorder.answer('committed', performance.now() - startedAt);
      }
    };
    await Promise.all([recorder.run(load.window), ...clients.map(bookUntilOver)]);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
  return recorder.result();
}

async function connect(url: string): Promise<Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'bench' });
  await client.connect();
  return client;
}
