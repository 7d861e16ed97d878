import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiIfNoneMatch, ApiProblems, ApiResource } from '../../platform/http/openapi.js';
import { PageQueryDto, type Page } from '../../platform/http/pagination.js';
import { ApiPathId, PathId } from '../../platform/http/path-id.js';
import { OrderDto, OrderHistoryPageDto, OrderPageDto, OrderQueryDto, type OrderTransitionDto } from './orders.dto.js';
import { ORDER_NOT_FOUND } from './orders.errors.js';
import { OrdersService } from './orders.service.js';

export const ApiOrderId = () => ApiPathId('orderId', 'The order.');

@ApiTags('Orders')
@Controller({ path: 'orders', version: '1' })
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Get()
  @ApiOperation({ operationId: 'listOrders', summary: 'List orders', description: 'Newest first, a page at a time.' })
  @ApiResponse({ status: 200, type: OrderPageDto, description: 'One page of orders.' })
  list(@Query() query: OrderQueryDto): Promise<Page<OrderDto>> {
    return this.orders.list(query);
  }

  @Get(':orderId')
  @ApiOrderId()
  @ApiIfNoneMatch()
  @ApiOperation({ operationId: 'getOrder', summary: 'Read an order', description: 'With its items.' })
  @ApiResource(200, OrderDto, 'The order.')
  @ApiProblems(ORDER_NOT_FOUND)
  get(@PathId('orderId') orderId: string): Promise<OrderDto> {
    return this.orders.get(orderId);
  }

  @Get(':orderId/history')
  @ApiOrderId()
  @ApiOperation({
    operationId: 'getOrderHistory',
    summary: 'Read the history of an order',
    description: 'Every transition, oldest first.',
  })
  @ApiResponse({ status: 200, type: OrderHistoryPageDto, description: 'One page of transitions.' })
  @ApiProblems(ORDER_NOT_FOUND)
  history(@PathId('orderId') orderId: string, @Query() query: PageQueryDto): Promise<Page<OrderTransitionDto>> {
    return this.orders.history(orderId, query);
  }
}
