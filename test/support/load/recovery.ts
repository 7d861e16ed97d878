import type { Load } from './load.js';
import { say } from './report.js';
import { IS_LONG } from './rig.js';

const CALLS = 20;
/** Of the long form, which has the machine to itself. Generous: it is a second or two. */
const RECOVERY_MAX_MS = 15_000;

/** Waits until clients are served again, from now on, when what had failed is back. @throws Error when it takes too long */
export async function recovery(load: Load): Promise<void> {
  const backAt = performance.now();
  await load.progress(CALLS);
  const tookMs = Math.round(performance.now() - backAt);
  say(`${CALLS} calls were acknowledged within ${tookMs} ms`);
  if (IS_LONG && tookMs > RECOVERY_MAX_MS) throw new Error(`${tookMs} ms until ${CALLS} calls were acknowledged`);
}
