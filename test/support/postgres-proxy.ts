import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/** What becomes of a COMMIT: forgotten, sent without waiting for its effect, or done without the client hearing of it. */
export type CommitFault = 'dropped' | 'sent-and-cut' | 'answered-and-cut';

const SPECIAL_LENGTH_BYTES = 4;

/** Cuts a stream of the PostgreSQL protocol into messages. The first of a client (start-up) has no type byte. */
class Messages {
  private rest = Buffer.alloc(0);

  constructor(private started: boolean) {}

  *of(chunk: Buffer): Generator<Buffer> {
    this.rest = Buffer.concat([this.rest, chunk]);
    for (;;) {
      const typeBytes = this.started ? 1 : 0;
      if (this.rest.length < typeBytes + SPECIAL_LENGTH_BYTES) return;
      const size = typeBytes + this.rest.readInt32BE(typeBytes);
      if (this.rest.length < size) return;
      yield this.rest.subarray(0, size);
      this.rest = this.rest.subarray(size);
      this.started = true;
    }
  }
}

const isCommit = (message: Buffer) => message[0] === 0x51 /* Q */ && /^commit\0$/i.test(message.toString('utf8', 5));
const isCommitted = (message: Buffer) => message[0] === 0x43 /* C */ && message.toString('utf8', 5) === 'COMMIT\0';

/** A TCP proxy before a PostgreSQL server that loses connections at chosen moments. */
export class PostgresProxy {
  /** Every how many commits (of all connections together) one meets `fault`; 0 for none. */
  faultEvery = 0;
  fault: CommitFault = 'dropped';
  /** How many commits have met a fault. */
  faults = 0;
  private isSilent = false;
  private commits = 0;
  private epoch = 0;
  private server: Server | undefined;
  private port = 0;
  private readonly links = new Set<() => void>();
  private readonly sockets = new Set<Socket>();

  private constructor(private targetUrl: string) {}

  static async start(targetUrl: string): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(targetUrl);
    await proxy.listen();
    return proxy;
  }

  /** Of the target, by way of this proxy; stays the same when the target moves. */
  get url(): string {
    const url = new URL(this.targetUrl);
    url.host = `127.0.0.1:${this.port}`;
    return url.href;
  }

  /** Listens again after {@link close}, at the same address. */
  async listen(targetUrl = this.targetUrl): Promise<void> {
    this.targetUrl = targetUrl;
    const server = createServer({ noDelay: true }, (client) => this.link(client));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.port, '127.0.0.1', resolve));
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Refuses new connections and cuts the open ones. */
  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    const closed = server && new Promise((resolve) => server.close(resolve));
    for (const cut of this.links) cut();
    await closed;
  }

  /** New connections lead to this server; the open ones stay where they are, as with an address that has moved. */
  pointTo(targetUrl: string): void {
    this.targetUrl = targetUrl;
  }

  /** The open connections are dead from now on, but seem alive until they are used, as behind a firewall that forgot them. */
  loseConnectionsUnnoticed(): void {
    this.epoch += 1;
  }

  /** Nothing arrives any more, on no connection, and nobody is told, as when a network is split. */
  goSilent(): void {
    this.isSilent = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** All that was under way arrives. */
  speakAgain(): void {
    this.isSilent = false;
    for (const socket of this.sockets) socket.resume();
  }

  private link(client: Socket): void {
    const { epoch } = this;
    const target = new URL(this.targetUrl);
    const server = connect({ port: Number(target.port || 5432), host: target.hostname, noDelay: true });
    const cut = () => {
      client.destroy();
      server.destroy();
      this.links.delete(cut);
    };
    this.links.add(cut);
    let hideAnswer = false;
    const fromClient = new Messages(false);
    const fromServer = new Messages(true);
    client.on('data', (chunk: Buffer) => {
      if (epoch !== this.epoch) return cut();
      for (const message of fromClient.of(chunk)) {
        const fault = isCommit(message) ? this.nextFault() : null;
        if (fault === 'dropped') return cut();
        if (fault === 'sent-and-cut') return void server.write(message, cut);
        if (fault === 'answered-and-cut') hideAnswer = true;
        server.write(message);
      }
    });
    server.on('data', (chunk: Buffer) => {
      for (const message of fromServer.of(chunk)) {
        if (hideAnswer && isCommitted(message)) return cut();
        client.write(message);
      }
    });
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => this.sockets.delete(socket));
      if (this.isSilent) socket.pause();
    }
    client.on('close', cut);
    // What the server said last (that it goes down) must still arrive.
    server.on('close', () => client.end(cut));
  }

  private nextFault(): CommitFault | null {
    this.commits += 1;
    if (this.faultEvery === 0 || this.commits % this.faultEvery !== 0) return null;
    this.faults += 1;
    return this.fault;
  }
}
