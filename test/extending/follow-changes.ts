/** One fact, as the change feed tells it. */
interface Change {
  id: string;
  type: string;
  orderId: string | null;
  sequence: number | null;
  data: object;
}

/**
 * Follows the change feed from another system: hands over each page, and keeps its cursor when that is done. After a crash it
 * begins with the page that was not done, so what `take` does must be done once per `id`.
 * @param keep stores the cursor in the other system
 */
export async function followChanges(
  api: string,
  key: string,
  take: (changes: Change[]) => Promise<void>,
  keep: (cursor: string) => Promise<void>,
  options: { cursor?: string; signal: AbortSignal },
): Promise<void> {
  let { cursor } = options;
  while (!options.signal.aborted) {
    const query = new URLSearchParams({ types: 'order.confirmed,order.cancelled', limit: '200', wait: '3' });
    if (cursor !== undefined) query.set('after', cursor);
    const response = await fetch(`${api}/v1/changes?${query.toString()}`, { headers: { authorization: `Bearer ${key}` } });
    // `cursor-expired`: read the present state, then begin anew without a cursor.
    if (response.status === 410) throw new Error('It was away for longer than the changes are kept');
    if (!response.ok) throw new Error(`The feed answered ${response.status}`);
    const { items, nextCursor } = (await response.json()) as { items: Change[]; nextCursor: string };
    if (items.length > 0) await take(items);
    await keep(nextCursor);
    cursor = nextCursor;
  }
}
