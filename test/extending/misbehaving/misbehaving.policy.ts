import { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import {
  type BookingPolicy,
  type BookingRequest,
  ExtendsBooking,
  type OrderChange,
  type OrderTransitionListener,
  type TurnToLoad,
} from '../../../src/extension.js';

type Sin = 'slow' | 'own connection' | 'own connection, caught' | 'own connection at write' | 'query while deciding' | 'promise';

/** Does what a policy must never do, when the metadata of a booking ask for it. */
@ExtendsBooking({ name: 'misbehaving' })
export class MisbehavingPolicy implements BookingPolicy, OrderTransitionListener {
  constructor(private readonly em: EntityManager) {}

  async load(em: EntityManager, { requests }: TurnToLoad): Promise<void> {
    const wants = (sin: Sin) => requests.some(({ metadata }) => metadata['sin'] === sin);
    if (wants('slow')) await sql`select pg_sleep(1.1)`.execute(em.getKysely());
    if (wants('own connection')) await this.ownConnection();
    if (wants('own connection, caught')) await this.ownConnection().catch(() => {});
  }

  decide({ metadata }: BookingRequest): object | void {
    if (metadata['sin'] === 'query while deciding') void this.ownConnection().catch(() => {});
    if (metadata['sin'] === 'promise') return Promise.reject(new Error('Nobody would hear of it'));
  }

  async write(em: EntityManager, changes: readonly OrderChange[]): Promise<void> {
    await sql`select 1`.execute(em.getKysely());
    if (changes.some(({ order }) => order.metadata['sin'] === 'own connection at write')) await this.ownConnection();
  }

  private async ownConnection(): Promise<void> {
    await this.em.fork().execute('select 1');
  }
}
