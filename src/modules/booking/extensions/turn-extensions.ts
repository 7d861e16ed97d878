import type { EntityManager } from '@mikro-orm/postgresql';
import { asExtension } from '../../../platform/database/connection-guard.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import type { StoredAdjustment } from '../../orders/index.js';
import type { BookingRequest, OrderChange, OrderToPrice, TurnToLoad } from './booking-extension.js';
import type { RegisteredExtension } from './booking-extensions.js';

/** An extension failed in a way that it does not answer for: its command fails with 500, and the others go on. */
export class ExtensionFailure extends Error {
  constructor(name: string, cause: unknown) {
    super(`The extension ${name} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

interface Loaded extends RegisteredExtension {
  state: unknown;
  elapsedMs: number;
}

/** The extensions in one transaction, with what each has loaded for it. */
export class TurnExtensions {
  readonly changes: OrderChange[] = [];

  private constructor(private readonly loaded: readonly Loaded[]) {}

  /** One after the other: they share a connection. */
  static async load(extensions: readonly RegisteredExtension[], em: EntityManager, turn: TurnToLoad): Promise<TurnExtensions> {
    const loaded: Loaded[] = [];
    for (const registered of extensions) {
      const startedAt = performance.now();
      const { name, extension } = registered;
      const state = extension.load ? await asExtension(name, () => extension.load!(em, turn)) : undefined;
      loaded.push({ ...registered, state, elapsedMs: performance.now() - startedAt });
    }
    return new TurnExtensions(loaded);
  }

  /**
   * @returns what the extensions keep with the order, by member
   * @throws DomainError that refuses the request; ExtensionFailure
   */
  decide(request: BookingRequest): Record<string, object> {
    const kept: Record<string, object> = {};
    for (const loaded of this.loaded) {
      const { name, member, extension, state } = loaded;
      if (!extension.decide) continue;
      const data = timed(loaded, () => extension.decide!(request, state));
      if (!data) continue;
      if (member === null) throw new ExtensionFailure(name, new Error('it keeps data with the order and has no orderMember'));
      kept[member] = data;
    }
    return kept;
  }

  /**
   * @param kept what extensions keep with the order
   * @param stored the adjustments that it has; those of extensions that are not there any more stay
   */
  adjust(order: OrderToPrice, kept: Record<string, object>, stored: readonly StoredAdjustment[] = []): StoredAdjustment[] {
    const here = new Set(this.loaded.filter(({ extension }) => extension.adjust).map(({ name }) => name));
    const adjustments = stored.filter(({ extension }) => !here.has(extension));
    for (const loaded of this.loaded) {
      const { name, member, extension } = loaded;
      if (!extension.adjust) continue;
      const lines = timed(loaded, () => extension.adjust!(order, member === null ? undefined : kept[member]));
      for (const { code, label, amount } of lines) adjustments.push({ extension: name, code, label, amount });
    }
    return adjustments;
  }

  decided(change: OrderChange): void {
    this.changes.push(change);
    for (const { name, extension, state } of this.loaded) asExtension(name, () => extension.decided?.(change, state));
  }

  async write(em: EntityManager): Promise<void> {
    if (this.changes.length === 0) return;
    for (const loaded of this.loaded) {
      if (!loaded.extension.write) continue;
      const startedAt = performance.now();
      await asExtension(loaded.name, () => loaded.extension.write!(em, this.changes, loaded.state));
      loaded.elapsedMs += performance.now() - startedAt;
    }
  }

  /** Which extensions took the time, the slowest first. */
  timings(): string {
    return this.loaded
      .toSorted((a, b) => b.elapsedMs - a.elapsedMs)
      .map(({ name, elapsedMs }) => `${name} ${Math.round(elapsedMs)} ms`)
      .join(', ');
  }
}

function timed<T>(loaded: Loaded, work: () => T): T {
  const startedAt = performance.now();
  try {
    const result: unknown = asExtension(loaded.name, work);
    if (!(result instanceof Promise)) return result as T;
    result.catch(() => {});
    throw new Error('it returned a promise, and nothing may be waited for here');
  } catch (error) {
    throw error instanceof DomainError ? error : new ExtensionFailure(loaded.name, error);
  } finally {
    loaded.elapsedMs += performance.now() - startedAt;
  }
}
