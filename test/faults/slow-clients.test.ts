import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN } from '../support/api-keys.js';
import { AppProcess } from '../support/process.js';
import { sendRaw } from '../support/raw.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';

describe('clients that are slow on purpose', () => {
  let database: TestDatabase;
  let app: AppProcess;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    database = await TestDatabase.create();
    app = await AppProcess.start({
      DATABASE_URL: database.url,
      HTTP_HEADERS_TIMEOUT_MS: '2000',
      HTTP_REQUEST_TIMEOUT_MS: '3000',
      HTTP_REQUESTS_PER_CONNECTION_MAX: '3',
    });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await app.end();
    await database.drop();
  });

  const { hostname, port } = { hostname: '127.0.0.1', port: () => Number(new URL(app.api.url).port) };

  function open(start: string): { socket: Socket; answer: () => string } {
    const socket = connect(port(), hostname);
    let answer = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(start);
    sockets.push(socket);
    return { socket, answer: () => answer };
  }

  it('do not keep others out, and are cut off', async () => {
    const { api } = app;
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    const head = `POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN.key}\r\nContent-Type: application/json\r\n`;
    const slow = [
      ...Array.from({ length: 200 }, () => open('GET /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: ')),
      ...Array.from({ length: 100 }, () => open(`${head}Content-Length: 100\r\n\r\n{"name":`)),
    ];
    const drip = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write('a');
    }, 200);
    try {
      const statuses = new Set<number>();
      for (let count = 0; count < 50; count++) statuses.add((await api.book(eventId, { [ticketTypeId]: 1 })).status);
      expect([...statuses]).toEqual([201]);
      await eventually('all slow ones are cut off', () => Promise.resolve(slow.every(({ socket }) => socket.destroyed)));
      const told = slow.map(({ answer }) => answer().split('\r\n')[0]);
      expect(new Set(told.filter((line) => line !== ''))).toEqual(new Set(['HTTP/1.1 408 Request Timeout']));
    } finally {
      clearInterval(drip);
    }
    expect((await api.get('/v1/events?limit=200')).body.items).toHaveLength(1);
  });

  it('may not use one connection for ever', async () => {
    const { socket, answer } = open('');
    for (let count = 0; count < 3; count++) {
      socket.write('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
      await eventually('an answer', () => Promise.resolve(answer().split('HTTP/1.1 200').length - 1 > count));
    }
    expect(answer()).toMatch(/Connection: close/i);
    // Who goes on all the same is not served.
    socket.write('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually('a refusal', () => Promise.resolve(answer().includes('HTTP/1.1 503')));
  });

  it('that send nothing at all are cut off as well', async () => {
    const { socket } = open('');
    await sleep(100);
    await eventually('the end of the connection', () => Promise.resolve(socket.destroyed || socket.readableEnded));
  });

  it('that do not read their answers are cut off', async () => {
    const unread = await AppProcess.start({ DATABASE_URL: database.url, HTTP_STALL_TIMEOUT_MS: '1000' });
    try {
      const socket = connect(Number(new URL(unread.api.url).port), hostname);
      socket.on('error', () => {});
      sockets.push(socket);
      socket.pause();
      // More than the buffers of both sides hold.
      socket.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(60));
      const drip = setInterval(() => socket.writable && socket.write('GET'), 200);
      try {
        await eventually('the end of the connection', () => Promise.resolve(socket.destroyed));
      } finally {
        clearInterval(drip);
      }
      expect((await unread.api.get('/health/live')).status).toBe(200);
    } finally {
      await unread.end();
    }
  });

  it('cannot have more connections than there may be', async () => {
    const full = await AppProcess.start({ DATABASE_URL: database.url, HTTP_CONNECTIONS_MAX: '5' });
    const at = Number(new URL(full.api.url).port);
    const idle = Array.from({ length: 5 }, () => connect(at, hostname));
    sockets.push(...idle);
    try {
      await Promise.all(idle.map((socket) => once(socket, 'connect')));
      const ask = () => sendRaw(full.api.url, 'GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await eventually('a connection that is not taken', async () => {
        const reply = await ask().catch(() => null);
        return reply === null || Number.isNaN(reply.status);
      });
      idle[0]!.destroy();
      await eventually('room for another', async () => (await ask().catch(() => null))?.status === 200);
    } finally {
      await full.end();
    }
  });
});
