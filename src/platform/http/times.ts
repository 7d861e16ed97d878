const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Whether this is an RFC 3339 time with an offset, on a day that exists, in the years 1900 to 9999, in UTC too: a later year has another format. */
export function isTimestamp(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const match = RFC_3339.exec(value);
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  if (year < 1900 || new Date(value).getUTCFullYear() > 9999) return false;
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** RFC 3339 in UTC with milliseconds, as every time leaves the API. */
export function formatTime(time: Date): string;
export function formatTime(time: Date | null | undefined): string | null;
export function formatTime(time: Date | null | undefined): string | null {
  return time ? time.toISOString() : null;
}

/** What every IANA name looks like; offsets such as `+02:00` do not. */
export const TIME_ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/;
export const TIME_ZONE_MAX_LENGTH = 64;

/** An IANA time zone name that this runtime knows. */
export function isTimeZone(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > TIME_ZONE_MAX_LENGTH || !TIME_ZONE_NAME.test(value)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}
