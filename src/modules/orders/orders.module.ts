import { Module } from '@nestjs/common';
import { OrdersController } from './orders.controller.js';
import { OrdersExportService } from './orders-export.service.js';
import { OrdersService } from './orders.service.js';

@Module({ controllers: [OrdersController], providers: [OrdersService, OrdersExportService] })
export class OrdersModule {}
