import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../client.js';
import { eventOnSale } from '../factories.js';
import { untilReady } from '../faults.js';
import { AppProcess } from '../process.js';
import type { EventForSale } from './shoppers.js';

/** The long form of the fault suite: `npm run test:faults -- --long`. */
export const IS_LONG = process.env['FAULTS'] === 'long';

/** How long something goes on, in the short form and in the long one. */
export const during = (short: { shortMs: number; longMs: number }) => sleep(IS_LONG ? short.longMs : short.shortMs);

export const FAULT_TIMEOUT_MS = IS_LONG ? 900_000 : 180_000;

/** A moment that nobody has chosen. */
export const atRandom = () => sleep(300 + Math.random() * 700);

/** One client of a test asks more than a customer ever would. */
const UNLIMITED = { RATE_LIMIT_API_KEY_PER_MINUTE: '0', RATE_LIMIT_ADDRESS_PER_MINUTE: '0', LOG_LEVEL: 'error' };

/** App processes on one database; they may be killed and started again while clients ask. */
export class Rig {
  private constructor(
    private readonly variables: Record<string, string>,
    readonly apps: AppProcess[],
  ) {}

  static async start(databaseUrl: string, apps: number, variables: Record<string, string> = {}): Promise<Rig> {
    const rig = new Rig({ ...UNLIMITED, DATABASE_URL: databaseUrl, ...variables }, []);
    for (let number = 0; number < apps; number++) rig.apps.push(await rig.startApp());
    return rig;
  }

  readonly apis = (): ApiClient[] => this.apps.map(({ api }) => api);

  startApp(variables: Record<string, string> = {}): Promise<AppProcess> {
    return AppProcess.start({ ...this.variables, ...variables });
  }

  /** kill -9. Clients go on asking at its address until it is started again, at another one. */
  async kill(number: number): Promise<void> {
    await this.apps[number]!.end('SIGKILL');
  }

  async startAgain(number: number): Promise<void> {
    this.apps[number] = await this.startApp();
  }

  /** A small event that is soon sold out, a hot one, and one between; some of their holds are ended before their time. */
  async eventsForSale(): Promise<EventForSale[]> {
    const { api } = this.apps[0]!;
    // What the test before it did may not be over yet.
    await untilReady(api);
    const events = [
      await eventOnSale(api, [40, 20], { name: 'Small' }),
      await eventOnSale(api, [2_000, 300, 300], { name: 'Between' }),
      await eventOnSale(api, [1_000_000], { name: 'Large' }),
    ];
    return events.map((event) => ({ ...event, databaseUrl: this.variables['DATABASE_URL']! }));
  }

  async end(): Promise<void> {
    for (const { child } of this.apps) child.kill('SIGCONT');
    await Promise.all(this.apps.map((app) => app.end('SIGKILL')));
  }
}
