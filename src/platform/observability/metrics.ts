import { Injectable, Logger } from '@nestjs/common';
import pTimeout from 'p-timeout';
import {
  collectDefaultMetrics,
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from 'prom-client';
import { rootMessageOf } from '../errors/message-of.js';

/** A scrape must not wait for a database that is in trouble: its other metrics are needed most then. */
export const READ_TIMEOUT_MS = 2_000;

/** Of the process, and not of one of its apps: event loop, memory, garbage collection. Made with the first app. */
let processRegistry: Registry | undefined;

function metricsOfProcess(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

interface Reader {
  readonly name: string;
  readonly gauges: ReadonlyArray<Gauge>;
  read(): Promise<void>;
}

/**
 * The metrics of this app, and the one way to add some: a module makes its counters, gauges and histograms here, once, and keeps
 * them. Names begin with `holdfast_`; labels take few values, never an id, a name or an address that callers choose.
 */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  readonly contentType = this.registry.contentType;
  private readonly logger = new Logger(Metrics.name);
  private readonly process = metricsOfProcess();
  private readonly readers: Reader[] = [];
  private readonly failures = this.counter({
    name: 'holdfast_scrape_failures_total',
    help: 'Readings of the database for a scrape that failed or took too long',
    labelNames: ['reader'],
  });

  counter<T extends string>(configuration: Omit<CounterConfiguration<T>, 'registers'>): Counter<T> {
    return new Counter({ ...configuration, registers: [this.registry] });
  }

  gauge<T extends string>(configuration: Omit<GaugeConfiguration<T>, 'registers'>): Gauge<T> {
    return new Gauge({ ...configuration, registers: [this.registry] });
  }

  /** A gauge of what this process knows anyway, looked at when there is a scrape. */
  look(name: string, help: string, value: () => number): void {
    this.gauge({
      name,
      help,
      collect() {
        this.set(value());
      },
    });
  }

  histogram<T extends string>(configuration: Omit<HistogramConfiguration<T>, 'registers'>): Histogram<T> {
    return new Histogram({ ...configuration, registers: [this.registry] });
  }

  /**
   * Has `read` set the gauges at each scrape, for what is in the database. When it fails or takes longer than two seconds,
   * the gauges are left out: an old number would look like a new one.
   */
  readAtScrape(name: string, gauges: ReadonlyArray<Gauge>, read: () => Promise<void>): void {
    this.readers.push({ name, gauges, read });
    this.failures.inc({ reader: name }, 0);
  }

  /** Everything in the text format of Prometheus. */
  async render(): Promise<string> {
    await Promise.all(this.readers.map((reader) => this.read(reader)));
    return `${await this.process.metrics()}\n${await this.registry.metrics()}`;
  }

  private async read({ name, gauges, read }: Reader): Promise<void> {
    try {
      await pTimeout(read(), { milliseconds: READ_TIMEOUT_MS, message: `no answer within ${READ_TIMEOUT_MS} ms` });
    } catch (error) {
      this.failures.inc({ reader: name });
      this.logger.warn(`The metrics of ${name} were not read: ${rootMessageOf(error)}`);
      for (const gauge of gauges) clear(gauge);
    }
  }
}

/** `reset` leaves a gauge without labels at 0, and only such a one can be removed without any. */
function clear(gauge: Gauge): void {
  gauge.reset();
  if ((gauge as unknown as { labelNames: string[] }).labelNames.length === 0) gauge.remove();
}
