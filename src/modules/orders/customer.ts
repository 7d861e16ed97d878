export interface Customer {
  email: string;
  name: string | null;
  /** The `sub` of a customer who books for themselves; null when somebody else books for the customer. */
  subject: string | null;
}

/** An e-mail address as it is compared: trimmed and case-folded. */
export function customerKeyOf(email: string): string {
  return email.trim().toLowerCase();
}

/** Who counts as one customer: a signed-in one by who they are, whatever address they give, all others by their address. */
export function customerIdentity({ email, subject }: Pick<Customer, 'email' | 'subject'>): string {
  return subject === null ? `email:${customerKeyOf(email)}` : `sub:${subject}`;
}
