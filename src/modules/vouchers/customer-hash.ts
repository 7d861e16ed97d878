import { createHash } from 'node:crypto';
import { sql } from 'kysely';

/** What `voucher_redemptions` keeps of who counts as one customer. */
export function hashOfCustomer(customerIdentity: string): string {
  return createHash('sha256').update(customerIdentity).digest('hex');
}

/** SQL: that of the order `o`. */
export const CUSTOMER_HASH = sql<string>`encode(sha256(convert_to(
  case when o.customer_subject is null then 'email:' || o.customer_key else 'sub:' || o.customer_subject end, 'UTF8')), 'hex')`;
