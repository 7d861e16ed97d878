import type { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { sql } from 'kysely';
import { type OrdersOfEvent, type PersonalDataHolder, PersonalDataHolders } from '../../extension.js';
import { CUSTOMER_HASH } from './customer-hash.js';

/** A hash of who the customer was would tell whoever knows their address; it becomes that of the pseudonym. */
@Injectable()
export class VouchersPersonalData implements PersonalDataHolder, OnModuleInit {
  constructor(private readonly holders: PersonalDataHolders) {}

  onModuleInit(): void {
    this.holders.register(this);
  }

  async eraseOrders(em: EntityManager, { eventId, orderIds }: OrdersOfEvent): Promise<void> {
    await sql`
      update voucher_redemptions r
         set customer_hash = ${CUSTOMER_HASH}
        from orders o
       where o.event_id = ${eventId} and o.id = any(${orderIds}::uuid[]) and r.event_id = o.event_id and r.order_id = o.id
    `.execute(em.getKysely());
  }
}
