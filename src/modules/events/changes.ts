/** The value after a change that may leave it (undefined), clear it (null) or set it. */
export function changed<T>(change: T | undefined, current: T): T {
  return change === undefined ? current : change;
}

/** Undefined (leave it) and null (clear it) stay what they are. */
export function timeOrNull(value: string | null | undefined): Date | null | undefined {
  return typeof value === 'string' ? new Date(value) : value;
}

/** Without the members that are undefined. */
export function given<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
