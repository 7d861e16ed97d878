import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../auth/access.decorators.js';
import type { Page } from '../http/pagination.js';
import { type AuditEntryDto, AuditLogPageDto, AuditLogQueryDto } from './audit-log.dto.js';
import { AuditLogService } from './audit-log.service.js';

@ApiTags('Audit log')
@Controller({ path: 'audit-log', version: '1' })
export class AuditLogController {
  constructor(private readonly auditLog: AuditLogService) {}

  @Get()
  @RequireScope('admin')
  @ApiOperation({
    operationId: 'listAuditLog',
    summary: 'Read the audit log',
    description:
      'Who changed what, newest first: every change of events, ticket types, vouchers, webhook endpoints and API keys, of orders by ' +
      'others than their owner, every erasure of a customer, repair of a count, and dead letter that was tried again or discarded. ' +
      'A row is written with the change itself and can never be changed.',
  })
  @ApiResponse({ status: 200, type: AuditLogPageDto, description: 'One page of changes.' })
  list(@Query() query: AuditLogQueryDto): Promise<Page<AuditEntryDto>> {
    return this.auditLog.list(query);
  }
}
