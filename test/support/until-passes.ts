import { setTimeout as sleep } from 'node:timers/promises';

/** Tries again until it passes. @throws its last failure, after `timeoutMs` */
export async function untilPasses(attempt: () => Promise<unknown>, timeoutMs = 45_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(50);
  }
}
