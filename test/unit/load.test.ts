import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../support/client.js';
import { eventually } from '../support/faults.js';
import { Load } from '../support/load/load.js';

const EVENTS = [{ eventId: 'event', ticketTypeIds: ['seat'] }];

describe('a load', () => {
  let server: Server;
  let answer: { status: number; body: string };

  beforeAll(async () => {
    server = createServer((_, response) => response.writeHead(answer.status).end(answer.body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const during = (giveUpChance: number, work: (load: Load) => Promise<unknown>) => {
    const api = new ApiClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return Load.during({ apis: () => [api], events: EVENTS, clients: 4, giveUpChance }, work);
  };

  it('takes an answer that cannot be read for an answer, which no call should get', async () => {
    answer = { status: 200, body: '<html>' };
    const { recorder } = await during(0, () => sleep(50));
    expect(recorder.calls.map((call) => call.answer)).toEqual(
      recorder.calls.map(() => ({ status: 0, refusal: expect.objectContaining({ code: expect.stringContaining('not JSON') }) })),
    );
  });

  it('without a booking was an outage from its beginning to its end', async () => {
    answer = { status: 409, body: '{"code":"sold-out"}' };
    const { recorder } = await during(0, () => sleep(200));
    expect(recorder.longestGapMs()).toBeGreaterThanOrEqual(199);
  });

  it('gives up few calls, however often their attempts fail', async () => {
    answer = { status: 503, body: '{}' };
    const load = await during(0.05, async (running) => {
      await eventually('many attempts fail', async () => running.failedAttempts > 30);
      answer = { status: 409, body: '{"code":"sold-out"}' };
    });
    const unanswered = load.recorder.calls.filter((call) => call.answer === null);
    expect(unanswered.length).toBeLessThan(10);
  });
});
