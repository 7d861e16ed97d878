/** Who counts as one customer: the e-mail address, trimmed and case-folded. */
export function customerKeyOf(email: string): string {
  return email.trim().toLowerCase();
}
