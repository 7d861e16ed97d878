import { Body, Controller, Get, Header, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { type Author, AuthorOf } from '../../platform/audit/author.js';
import { RequireScope } from '../../platform/auth/access.decorators.js';
import type { Answer } from '../../platform/idempotency/answer.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { Idempotent, IdempotencyOf } from '../../platform/idempotency/idempotent.decorator.js';
import { CustomerErasureService } from './customer-erasure.service.js';
import { CustomerExportService } from './customer-export.service.js';
import { CustomerExportDto, CustomerQueryDto, EraseCustomerDto, ErasedCustomerDto } from './customers.dto.js';
import { personOf } from './person.js';

@ApiTags('Customers')
@Controller({ path: 'customers', version: '1' })
export class CustomersController {
  constructor(
    private readonly erasure: CustomerErasureService,
    private readonly exports: CustomerExportService,
  ) {}

  @Post('erase')
  @RequireScope('admin')
  @Idempotent({ required: false })
  @ApiOperation({
    operationId: 'eraseCustomer',
    summary: 'Erase a customer',
    description:
      'Puts a pseudonym in the place of a person in all their orders, in the histories and in remembered answers; metadata and reasons go too. Tickets, counts, totals and payment references stay. It cannot be undone. Until it is answered a part may be done: repeat it, with the same `Idempotency-Key`.',
  })
  @ApiResponse({ status: 200, type: ErasedCustomerDto, description: 'Nothing names the person any more.' })
  erase(
    @Body() dto: EraseCustomerDto,
    @AuthorOf() author: Author,
    @IdempotencyOf() request: IdempotentRequest | null,
  ): Promise<Answer<ErasedCustomerDto>> {
    return this.erasure.erase(personOf(dto), author, request);
  }

  @Get('export')
  @RequireScope('admin')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'exportCustomer',
    summary: "Export a customer's data",
    description: 'All orders of a person with their items and histories, however many, as one JSON document.',
  })
  @ApiResponse({ status: 200, type: CustomerExportDto, description: 'What is kept about the person.' })
  async export(@Query() query: CustomerQueryDto, @Res() response: Response): Promise<void> {
    const pieces = await this.exports.json(personOf(query));
    response.type('application/json');
    await this.exports.write(pieces, response);
  }
}
