import type { EntityClass, EntityManager } from '@mikro-orm/postgresql';

/**
 * An entity from its row as `to_json` gives it, which no EntityManager manages: no flush will write what is changed in it.
 * For entities of columns only; relations other than foreign keys mapped to their value are left out.
 */
export function detachedEntity<T extends object>(em: EntityManager, entity: EntityClass<T>, row: Record<string, unknown>): T {
  const { prototype, props } = em.getMetadata().get(entity);
  const made = Object.create(prototype) as Record<string, unknown>;
  for (const { name, fieldNames, runtimeType } of props) {
    const value = row[fieldNames?.[0] ?? ''];
    if (value === undefined) continue;
    made[name] = runtimeType === 'Date' && value !== null ? new Date(value as string) : value;
  }
  return made as T;
}
