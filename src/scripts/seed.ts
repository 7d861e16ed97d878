import { MikroORM } from '@mikro-orm/postgresql';
import { ormConfig } from '../../mikro-orm.config.js';
import { DEMO, seedDemoEvent } from '../modules/events/index.js';
import { databaseEnvironmentOrExit, orExit } from './environment.js';

const orm = new MikroORM(ormConfig(databaseEnvironmentOrExit()));
await orExit(async () => {
  const seeded = await seedDemoEvent(orm.em);
  console.log(seeded ? `Made the demo event ${DEMO.eventId}.` : 'There are events already; nothing was changed.');
  await orm.close(true);
});
