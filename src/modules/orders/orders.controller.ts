import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Owner, RequireScope, RequireScopeOrCustomer } from '../../platform/auth/access.decorators.js';
import { ApiIfNoneMatch, ApiProblems, ApiResource } from '../../platform/http/openapi.js';
import { PageQueryDto, type Page } from '../../platform/http/pagination.js';
import { ApiPathId, PathId } from '../../platform/http/path-id.js';
import { OrderDto, OrderHistoryPageDto, OrderPageDto, OrderQueryDto, type OrderTransitionDto } from './orders.dto.js';
import { ORDER_NOT_FOUND } from './orders.errors.js';
import { ApiEventId, DEMO, EVENT_NOT_FOUND } from '../events/index.js';
import { CSV_HEADER, OrdersExportService } from './orders-export.service.js';
import { OrdersService } from './orders.service.js';

const CSV_EXAMPLE = [
  CSV_HEADER,
  `019a0000-0000-7000-8000-0000000000a1,42,confirmed,2035-01-15T09:30:00.000Z,2035-01-15T09:30:00.000Z,,,,ada@example.com,Ada,${DEMO.standardId},Standard,2,4500,9000,EUR,9000`,
  '',
].join('\r\n');

export const ApiOrderId = () => ApiPathId('orderId', 'The order.');

@ApiTags('Orders')
@Controller({ version: '1' })
export class OrdersController {
  constructor(
    private readonly orders: OrdersService,
    private readonly exports: OrdersExportService,
  ) {}

  @Get('orders')
  @RequireScopeOrCustomer('orders:read')
  @ApiOperation({ operationId: 'listOrders', summary: 'List orders', description: 'Newest first, a page at a time.' })
  @ApiResponse({ status: 200, type: OrderPageDto, description: 'One page of orders.' })
  list(@Query() query: OrderQueryDto, @Owner() owner: string | null): Promise<Page<OrderDto>> {
    return this.orders.list(query, owner);
  }

  @Get('orders/:orderId')
  @RequireScopeOrCustomer('orders:read')
  @ApiOrderId()
  @ApiIfNoneMatch()
  @ApiOperation({ operationId: 'getOrder', summary: 'Read an order', description: 'With its items.' })
  @ApiResource(200, OrderDto, 'The order.')
  @ApiProblems(ORDER_NOT_FOUND)
  get(@PathId('orderId') orderId: string, @Owner() owner: string | null): Promise<OrderDto> {
    return this.orders.get(orderId, owner);
  }

  @Get('orders/:orderId/history')
  @RequireScopeOrCustomer('orders:read')
  @ApiOrderId()
  @ApiOperation({
    operationId: 'getOrderHistory',
    summary: 'Read the history of an order',
    description: 'Every transition, oldest first.',
  })
  @ApiResponse({ status: 200, type: OrderHistoryPageDto, description: 'One page of transitions.' })
  @ApiProblems(ORDER_NOT_FOUND)
  history(
    @PathId('orderId') orderId: string,
    @Query() query: PageQueryDto,
    @Owner() owner: string | null,
  ): Promise<Page<OrderTransitionDto>> {
    return this.orders.history(orderId, query, owner);
  }

  @Get('events/:eventId/orders.csv')
  @RequireScope('orders:read')
  @ApiEventId()
  @ApiOperation({
    operationId: 'exportOrders',
    summary: "Export an event's orders",
    description:
      'CSV (RFC 4180) with a header, one line per item, in the order of the bookings. Amounts are in minor units; `order_total_amount` is that of the whole order, adjustments included, in each of its lines. Cells that a spreadsheet would run as a formula begin with an apostrophe.',
  })
  @ApiResponse({
    status: 200,
    description: 'The orders.',
    headers: {
      'Content-Disposition': {
        description: 'Tells a browser to save it, and under which name.',
        required: true,
        schema: { type: 'string', pattern: '^attachment; filename=orders-[0-9a-f-]{36}\\.csv$', maxLength: 100 },
      },
    },
    content: { 'text/csv': { schema: { type: 'string', pattern: `^${CSV_HEADER}\\r\\n`, example: CSV_EXAMPLE } } },
  })
  @ApiProblems(EVENT_NOT_FOUND)
  async export(@PathId('eventId') eventId: string, @Res() response: Response): Promise<void> {
    await this.exports.assertEventExists(eventId);
    response.attachment(`orders-${eventId}.csv`).type('text/csv; charset=utf-8');
    await this.exports.write(eventId, response);
  }
}
