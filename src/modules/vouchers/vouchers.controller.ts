import { applyDecorators, Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Answer,
  type Author,
  AuthorOf,
  ApiEventId,
  ApiIfMatch,
  ApiIfNoneMatch,
  ApiPathId,
  ApiProblems,
  ApiResource,
  defineTag,
  EVENT_NOT_FOUND,
  type ExpectedVersions,
  Idempotent,
  IdempotencyOf,
  type IdempotentRequest,
  OptionalIfMatch,
  type Page,
  PageQueryDto,
  PathId,
  RequiredIfMatch,
  RequireScope,
  TICKET_TYPE_NOT_FOUND,
} from '../../extension.js';
import { CreateVoucherDto, UpdateVoucherDto, VoucherDto, VoucherPageDto } from './vouchers.dto.js';
import { VOUCHER_CODE_TAKEN, VOUCHER_IN_USE, VOUCHER_MAX_BELOW_REDEMPTIONS, VOUCHER_NOT_FOUND } from './vouchers.errors.js';
import { VouchersService } from './vouchers.service.js';

const ApiVoucherId = () => applyDecorators(ApiEventId(), ApiPathId('voucherId', 'The voucher.'));

@ApiTags(defineTag('Vouchers', 'Codes that make orders cheaper.'))
@Controller({ path: 'events/:eventId/vouchers', version: '1' })
export class VouchersController {
  constructor(private readonly vouchers: VouchersService) {}

  @Post()
  @RequireScope('events:write')
  @ApiEventId()
  @Idempotent({ required: false, location: (body) => `/v1/events/${body.eventId}/vouchers/${body.id}` })
  @ApiOperation({
    operationId: 'createVoucher',
    summary: 'Create a voucher',
    description: 'A code that makes orders of the event cheaper: send it as `voucherCode` of a booking.',
  })
  @ApiResource(201, VoucherDto, 'The new voucher.')
  @ApiProblems(EVENT_NOT_FOUND, TICKET_TYPE_NOT_FOUND, VOUCHER_CODE_TAKEN)
  create(
    @PathId('eventId') eventId: string,
    @Body() dto: CreateVoucherDto,
    @AuthorOf() author: Author,
    @IdempotencyOf() request: IdempotentRequest | null,
  ): Promise<Answer<VoucherDto>> {
    return this.vouchers.create(eventId, dto, author, request);
  }

  @Get()
  @RequireScope('events:write')
  @ApiEventId()
  @ApiOperation({ operationId: 'listVouchers', summary: 'List the vouchers of an event', description: 'Newest first.' })
  @ApiOkResponse({ type: VoucherPageDto, description: 'One page of vouchers.' })
  @ApiProblems(EVENT_NOT_FOUND)
  list(@PathId('eventId') eventId: string, @Query() query: PageQueryDto): Promise<Page<VoucherDto>> {
    return this.vouchers.list(eventId, query);
  }

  @Get(':voucherId')
  @RequireScope('events:write')
  @ApiVoucherId()
  @ApiIfNoneMatch()
  @ApiOperation({
    operationId: 'getVoucher',
    summary: 'Get a voucher',
    description: 'With the number of live orders that use it.',
  })
  @ApiResource(200, VoucherDto, 'The voucher.')
  @ApiProblems(EVENT_NOT_FOUND, VOUCHER_NOT_FOUND)
  get(@PathId('eventId') eventId: string, @PathId('voucherId') voucherId: string): Promise<VoucherDto> {
    return this.vouchers.get(eventId, voucherId);
  }

  @Patch(':voucherId')
  @RequireScope('events:write')
  @ApiVoucherId()
  @ApiIfMatch(true)
  @ApiOperation({
    operationId: 'updateVoucher',
    summary: 'Change a voucher',
    description: 'For orders from now on; those that use it keep their price.',
  })
  @ApiResource(200, VoucherDto, 'The changed voucher.', { code: 'SUMMER', version: 2 })
  @ApiProblems(EVENT_NOT_FOUND, VOUCHER_NOT_FOUND, TICKET_TYPE_NOT_FOUND, VOUCHER_CODE_TAKEN, VOUCHER_MAX_BELOW_REDEMPTIONS)
  update(
    @PathId('eventId') eventId: string,
    @PathId('voucherId') voucherId: string,
    @Body() dto: UpdateVoucherDto,
    @RequiredIfMatch() expected: ExpectedVersions,
    @AuthorOf() author: Author,
  ): Promise<VoucherDto> {
    return this.vouchers.update(eventId, voucherId, dto, expected, author);
  }

  @Delete(':voucherId')
  @HttpCode(204)
  @RequireScope('events:write')
  @ApiVoucherId()
  @ApiIfMatch(false)
  @ApiOperation({ operationId: 'deleteVoucher', summary: 'Delete a voucher', description: 'Only while no live order uses it.' })
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ApiProblems(EVENT_NOT_FOUND, VOUCHER_NOT_FOUND, VOUCHER_IN_USE)
  delete(
    @PathId('eventId') eventId: string,
    @PathId('voucherId') voucherId: string,
    @OptionalIfMatch() expected: ExpectedVersions,
    @AuthorOf() author: Author,
  ): Promise<void> {
    return this.vouchers.delete(eventId, voucherId, expected, author);
  }
}
