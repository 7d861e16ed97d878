import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { createApp } from '../../src/app.js';
import { MODULES_ON_TOP } from '../../src/app.module.js';
import { OnDomainEvent, OrderConfirmed } from '../../src/extension.js';
import { readEnvironment } from '../../src/platform/config/environment.js';
import type { Extent } from './extended-apps.js';

/** Hears of every order, and does nothing about it: what is measured is the delivery. */
@Injectable()
class Listener {
  @OnDomainEvent(OrderConfirmed, { name: 'bench' })
  hear(): void {}
}

@Module({ providers: [Listener] })
class ListenerModule {}

const MODULES: Record<Extent, typeof MODULES_ON_TOP> = {
  core: [],
  modules: MODULES_ON_TOP,
  subscriber: [...MODULES_ON_TOP, ListenerModule],
};

const environment = readEnvironment(process.env);
const modules = MODULES[process.env['EXTENT'] as Extent];
const app = await createApp({ ...environment, DATABASE_URL: environment.DATABASE_URL! }, { logger: ['error', 'warn'] }, modules);
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(`API: ${await app.getUrl()}/v1`);
