import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { sql } from 'kysely';
import { type Job, JobQueues } from '../../../src/extension.js';

const QUEUE = 'member-cards';

interface Card {
  memberId: string;
}

/** Prints the card of a new member, after the commit that made the member. */
@Injectable()
export class MemberCards implements OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly queues: JobQueues,
  ) {}

  onModuleInit(): void {
    this.queues.define<Card>({ name: QUEUE, retries: 5, retryDelayMaxSeconds: 60, handle: (job) => this.print(job) });
  }

  /** In the transaction of `em`. */
  order(em: EntityManager, memberId: string): Promise<void> {
    return this.queues.insert(em, QUEUE, [{ data: { memberId } }]);
  }

  /** At least once, so it may be done twice. */
  private async print({ data }: Job<Card>): Promise<void> {
    await sql`update members set card_printed = true where id = ${data.memberId}`.execute(this.em.fork().getKysely());
  }
}
