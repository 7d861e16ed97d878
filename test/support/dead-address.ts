import { createServer, type Server, type Socket } from 'node:net';

/** Stands where a database was: answers nothing, or hangs up at once. Counts the connections of the app's pool. */
export class DeadAddress {
  /** When each connection came, by `Date.now()`. */
  readonly attempts: number[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly how: 'hangs-up' | 'is-silent',
  ) {}

  static async at(url: string, how: DeadAddress['how']): Promise<DeadAddress> {
    const server = createServer();
    const address = new DeadAddress(server, how);
    server.on('connection', (socket) => address.take(socket));
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(Number(new URL(url).port), '127.0.0.1', resolve),
    );
    return address;
  }

  /** How many are waiting for an answer that does not come. */
  get waiting(): number {
    return this.sockets.size;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private take(socket: Socket): void {
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.once('data', (startUp) => {
      // The job queues have a pool of their own.
      const isOfApp = startUp.toString('latin1').includes('application_name\0holdfast\0');
      if (isOfApp) this.attempts.push(Date.now());
      if (this.how === 'hangs-up' || !isOfApp) socket.destroy();
      else this.sockets.add(socket);
    });
    socket.resume();
  }
}
