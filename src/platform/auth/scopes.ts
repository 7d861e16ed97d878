/** What a caller may do. `admin` implies all others. */
export const SCOPES = ['events:write', 'bookings:write', 'orders:read', 'orders:write', 'metrics:read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export function isScope(value: unknown): value is Scope {
  return (SCOPES as readonly unknown[]).includes(value);
}
