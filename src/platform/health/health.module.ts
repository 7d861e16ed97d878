import { Module } from '@nestjs/common';
import { ShutdownGate } from '../http/shutdown-gate.js';
import { HealthController } from './health.controller.js';

@Module({ controllers: [HealthController], providers: [ShutdownGate] })
export class HealthModule {}
