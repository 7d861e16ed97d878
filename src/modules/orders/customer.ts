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

/** Which orders a request may be about: those of the signed-in customer, or with null all. Others are then as if not there. */
export function ownedBy(owner: string | null): { customerSubject?: string } {
  return owner === null ? {} : { customerSubject: owner };
}
