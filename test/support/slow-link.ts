import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP proxy that knows nothing of what it carries, and can be slow. */
export class SlowLink {
  /** Added to each piece that the server sends. */
  delayMs = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly targetUrl: string,
    private readonly server: Server,
  ) {}

  static async start(targetUrl: string): Promise<SlowLink> {
    const server = createServer({ noDelay: true }, (client) => link.join(client));
    const link = new SlowLink(targetUrl, server);
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return link;
  }

  /** Of the target, by way of this link. */
  get url(): string {
    const url = new URL(this.targetUrl);
    url.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return url.href;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private join(client: Socket): void {
    const { hostname, port } = new URL(this.targetUrl);
    const server = connect({ port: Number(port || 5432), host: hostname, noDelay: true });
    for (const [from, to, isDelayed] of [
      [client, server, false],
      [server, client, true],
    ] as const) {
      this.sockets.add(from);
      let queue = Promise.resolve();
      const after = async (before: Promise<void>, due: Promise<unknown> | undefined, work: () => void) => {
        await before;
        await due;
        work();
      };
      const inTurn = (work: () => void) => {
        queue = after(queue, isDelayed && this.delayMs > 0 ? sleep(this.delayMs) : undefined, work);
      };
      from.on('data', (chunk) => inTurn(() => to.write(chunk)));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        inTurn(() => to.end());
      });
    }
  }
}
