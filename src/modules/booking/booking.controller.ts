import { Body, Controller, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, RequireScopeOrCustomer } from '../../platform/auth/access.decorators.js';
import { ApiProblems, ApiResource } from '../../platform/http/openapi.js';
import { ApiPathId, PathId } from '../../platform/http/path-id.js';
import type { Answer } from '../../platform/idempotency/answer.js';
import { Idempotent } from '../../platform/idempotency/idempotent.decorator.js';
import { ApiEventId, EVENT_NOT_FOUND, EVENT_NOT_ON_SALE, EventDto, TICKET_TYPE_NOT_FOUND } from '../events/index.js';
import {
  ApiOrderId,
  CUSTOMER_LIMIT_EXCEEDED,
  HOLD_EXPIRED,
  ORDER_NOT_CANCELLABLE,
  ORDER_NOT_FOUND,
  ORDER_NOT_HELD,
  OrderDto,
  QUANTITY_OUT_OF_RANGE,
  SOLD_OUT,
} from '../orders/index.js';
import { BookingDto, CancelOrderDto, ConfirmOrderDto, ExtendHoldDto } from './booking.dto.js';
import type { Origin } from './commands.js';
import { OriginOf } from './origin.decorator.js';
import { BookingService } from './booking.service.js';

/** The routes that change the inventory. */
@Controller({ version: '1' })
export class BookingController {
  constructor(private readonly booking: BookingService) {}

  @Post('events/:eventId/bookings')
  @RequireScopeOrCustomer('bookings:write')
  @ApiTags('Booking')
  @ApiEventId()
  @Idempotent({ required: true, exampleKey: 'booking-1', location: (body) => `/v1/orders/${body.id}` })
  @ApiOperation({
    operationId: 'book',
    summary: 'Book tickets',
    description:
      'All items or none. With `hold` the tickets are held for that long and the order waits for its confirmation; without it the order is confirmed at once. Repeat the request with the same key when you got no answer: it books once.',
  })
  @ApiResource(201, OrderDto, 'The order.')
  @ApiProblems(
    EVENT_NOT_FOUND,
    TICKET_TYPE_NOT_FOUND,
    SOLD_OUT,
    EVENT_NOT_ON_SALE,
    CUSTOMER_LIMIT_EXCEEDED,
    QUANTITY_OUT_OF_RANGE,
  )
  book(@PathId('eventId') eventId: string, @Body() dto: BookingDto, @OriginOf() origin: Origin): Promise<Answer<OrderDto>> {
    return this.booking.book(eventId, dto, origin);
  }

  @Post('events/:eventId/cancel')
  @RequireScope('events:write')
  @ApiTags('Events')
  // Without an example: a click in Swagger UI would end the demo for good.
  @ApiPathId('eventId', 'The event.')
  @Idempotent({ required: false })
  @ApiOperation({
    operationId: 'cancelEvent',
    summary: 'Cancel an event',
    description:
      'It is off sale at once and for good; its held and confirmed orders are cancelled with the reason `event-cancelled`. Again: the same answer.',
  })
  @ApiResource(200, EventDto, 'The cancelled event.', { status: 'cancelled', version: 4 })
  @ApiProblems(EVENT_NOT_FOUND)
  cancelEvent(@PathId('eventId') eventId: string, @OriginOf() origin: Origin): Promise<Answer<EventDto>> {
    return this.booking.cancelEvent(eventId, origin);
  }

  @Post('orders/:orderId/confirm')
  @RequireScopeOrCustomer('orders:write')
  @ApiTags('Orders')
  @ApiOrderId()
  @ApiBody({ type: ConfirmOrderDto, required: false })
  @Idempotent({ required: false, exampleKey: 'confirm-order-1' })
  @ApiOperation({
    operationId: 'confirmOrder',
    summary: 'Confirm a held order',
    description:
      'Its tickets are sold. Again on a confirmed order: the same answer. For a payment that came late, `reviveIfAvailable` books the tickets of an expired hold again, if they are still there.',
  })
  @ApiResource(200, OrderDto, 'The confirmed order.', { paymentReference: 'pay_1', version: 2 })
  @ApiProblems(ORDER_NOT_FOUND, ORDER_NOT_HELD, HOLD_EXPIRED, EVENT_NOT_ON_SALE, CUSTOMER_LIMIT_EXCEEDED)
  confirm(
    @PathId('orderId') orderId: string,
    @Body() dto: ConfirmOrderDto,
    @OriginOf() origin: Origin,
  ): Promise<Answer<OrderDto>> {
    return this.booking.confirm(orderId, dto, origin);
  }

  @Post('orders/:orderId/extend')
  @RequireScopeOrCustomer('orders:write')
  @ApiTags('Orders')
  @ApiOrderId()
  @Idempotent({ required: false, exampleKey: 'extend-hold-1' })
  @ApiOperation({
    operationId: 'extendHold',
    summary: 'Extend a hold',
    description:
      'It ends the given number of seconds from now. The whole life of a hold is bounded (3600 seconds unless configured shorter).',
  })
  @ApiResource(200, OrderDto, 'The held order.', {
    status: 'held',
    expiresAt: '2035-01-15T09:40:00.000Z',
    confirmedAt: null,
    version: 2,
  })
  @ApiProblems(ORDER_NOT_FOUND, ORDER_NOT_HELD, HOLD_EXPIRED, EVENT_NOT_ON_SALE)
  extend(@PathId('orderId') orderId: string, @Body() dto: ExtendHoldDto, @OriginOf() origin: Origin): Promise<Answer<OrderDto>> {
    return this.booking.extend(orderId, dto, origin);
  }

  @Post('orders/:orderId/cancel')
  @RequireScopeOrCustomer('orders:write')
  @ApiTags('Orders')
  @ApiOrderId()
  @ApiBody({ type: CancelOrderDto, required: false })
  @Idempotent({ required: false })
  @ApiOperation({
    operationId: 'cancelOrder',
    summary: 'Cancel an order',
    description:
      'Its tickets are available again in the same commit. With `items` only those are given back and the rest of the order stands. Again on a cancelled order, without `items`: the same answer.',
  })
  @ApiResource(200, OrderDto, 'The cancelled order.', {
    status: 'cancelled',
    cancelledAt: '2035-01-15T09:30:00.000Z',
    cancelReason: 'customer-request',
    version: 2,
  })
  @ApiProblems(ORDER_NOT_FOUND, ORDER_NOT_CANCELLABLE, TICKET_TYPE_NOT_FOUND, QUANTITY_OUT_OF_RANGE)
  cancelOrder(
    @PathId('orderId') orderId: string,
    @Body() dto: CancelOrderDto,
    @OriginOf() origin: Origin,
  ): Promise<Answer<OrderDto>> {
    return this.booking.cancelOrder(orderId, dto, origin);
  }
}
