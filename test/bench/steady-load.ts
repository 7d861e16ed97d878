import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { bookingBody, bookingPath } from './bookings.js';
import type { LoadResult, SteadyLoad } from './loads.js';
import type { Recorder } from './recorder.js';

/**
 * Books at a fixed rate, whether or not the earlier requests are answered, so that a slow answer does not hide what the next
 * ones would have waited. (autocannon's rate comes in bursts, at the start of each second.)
 */
export async function runSteadyLoad(load: SteadyLoad, recorder: Recorder): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 256 });
  const underway = new Set<Promise<void>>();
  const everyMs = 1000 / load.perSecond;
  const sendUntilOver = async () => {
    const startedAt = performance.now();
    for (let buyer = 1; !recorder.isOver; buyer++) {
      const sending = send(load, buyer, agent, recorder).finally(() => underway.delete(sending));
      underway.add(sending);
      await sleep(Math.max(0, startedAt + buyer * everyMs - performance.now()));
    }
  };
  try {
    await Promise.all([recorder.run(load.window), sendUntilOver()]);
    await Promise.all(underway);
  } finally {
    agent.destroy();
  }
  return recorder.result();
}

/** Never rejects. */
function send(load: SteadyLoad, buyer: number, agent: Agent, recorder: Recorder): Promise<void> {
  const target = load.targets[buyer % load.targets.length]!;
  const body = bookingBody(target, buyer);
  const headers = {
    ...load.headers,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Idempotency-Key': `${load.keyPrefix}-${buyer}`,
  };
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const failed = (error: Error) => {
      recorder.error(error.message);
      resolve();
    };
    request(load.url + bookingPath(target), { method: 'POST', agent, headers }, (response) => {
      response.resume().once('error', failed);
      response.once('end', () => {
        recorder.answer(String(response.statusCode), performance.now() - startedAt);
        if (response.statusCode !== 201) recorder.error(`status ${response.statusCode}`);
        resolve();
      });
    })
      .once('error', failed)
      .end(body);
  });
}
