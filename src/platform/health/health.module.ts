import { Module } from '@nestjs/common';
import { ShutdownGate } from '../http/shutdown-gate.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

@Module({ controllers: [HealthController], providers: [ShutdownGate, Readiness] })
export class HealthModule {}
