import { Module } from '@nestjs/common';
import { CustomerErasureService } from './customer-erasure.service.js';
import { CustomerExportService } from './customer-export.service.js';
import { CustomersController } from './customers.controller.js';

@Module({ controllers: [CustomersController], providers: [CustomerErasureService, CustomerExportService] })
export class CustomersModule {}
