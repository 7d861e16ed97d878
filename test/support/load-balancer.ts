import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const CHECK_INTERVAL_MS = 50;

/** A TCP load balancer: connections go in turn to the targets whose last check of `/health/ready` was good. */
export class LoadBalancer {
  private readonly ready = new Map<string, boolean>();
  private readonly links = new Set<Socket>();
  private turn = 0;
  private isClosed = false;
  private checking: Promise<void> = Promise.resolve();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<LoadBalancer> {
    const server = createServer();
    const balancer = new LoadBalancer(server);
    server.on('connection', (client) => balancer.link(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    balancer.checking = balancer.check();
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  add(url: string): void {
    this.ready.set(url, false);
  }

  remove(url: string): void {
    this.ready.delete(url);
  }

  sendsTo(url: string): boolean {
    return this.ready.get(url) ?? false;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.checking;
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.links) socket.destroy();
    await closed;
  }

  private async check(): Promise<void> {
    while (!this.isClosed) {
      await Promise.all(
        [...this.ready.keys()].map(async (url) => {
          const isReady = await fetch(`${url}/health/ready`).then(
            async (response) => {
              await response.body?.cancel();
              return response.ok;
            },
            () => false,
          );
          if (this.ready.has(url)) this.ready.set(url, isReady);
        }),
      );
      await sleep(CHECK_INTERVAL_MS);
    }
  }

  private link(client: Socket): void {
    const targets = [...this.ready].filter(([, isReady]) => isReady).map(([url]) => url);
    const target = targets[this.turn++ % targets.length];
    client.on('error', () => {});
    if (target === undefined) {
      client.destroy();
      return;
    }
    const server = connect(Number(new URL(target).port), '127.0.0.1');
    for (const socket of [client, server]) this.links.add(socket);
    server.on('error', () => client.destroy());
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.pipe(to);
      from.on('close', () => {
        // What it sent last still arrives.
        to.destroySoon();
        this.links.delete(from);
      });
    }
  }
}
