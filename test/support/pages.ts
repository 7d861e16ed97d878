import type { ApiClient } from './client.js';

/** All items of a list, read page by page. @throws Error when a page is longer than `limit` or an inner page is shorter */
export async function walk<T = any>(api: ApiClient, path: string, limit: number): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const separator = path.includes('?') ? '&' : '?';
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await api.get<{ items: T[]; nextCursor: string | null }>(`${path}${separator}limit=${limit}${from}`);
    if (status !== 200) throw new Error(`No page: ${JSON.stringify(body)}`);
    if (body.items.length > limit || (body.nextCursor !== null && body.items.length < limit))
      throw new Error(`A page of ${body.items.length} for limit ${limit}`);
    items.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor !== null);
  return items;
}
