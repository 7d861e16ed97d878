import { applyDecorators, Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Author, AuthorOf } from '../../platform/audit/author.js';
import { HasScope, Public, RequireScope } from '../../platform/auth/access.decorators.js';
import { ApiIfMatch, OptionalIfMatch, RequiredIfMatch, type ExpectedVersions } from '../../platform/http/etag.js';
import { ApiIfNoneMatch, ApiProblems, ApiResource } from '../../platform/http/openapi.js';
import { PageQueryDto, type Page } from '../../platform/http/pagination.js';
import { ApiPathId, PathId } from '../../platform/http/path-id.js';
import type { Answer } from '../../platform/idempotency/answer.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { Idempotent, IdempotencyOf } from '../../platform/idempotency/idempotent.decorator.js';
import { DEMO } from './demo-ids.js';
import { ApiEventId } from './events.controller.js';
import { CreateTicketTypeDto, TicketTypeDto, TicketTypePageDto, UpdateTicketTypeDto } from './ticket-types.dto.js';
import {
  CAPACITY_BELOW_COMMITTED,
  EVENT_NOT_FOUND,
  INVALID_TRANSITION,
  TICKET_TYPE_IN_USE,
  TICKET_TYPE_NOT_FOUND,
  TOO_MANY_TICKET_TYPES,
} from './events.errors.js';
import { TicketTypesService } from './ticket-types.service.js';

const ApiTicketTypeId = (example: string = DEMO.standardId) =>
  applyDecorators(ApiEventId(), ApiPathId('ticketTypeId', 'The ticket type.', example));

@ApiTags('Ticket types')
@Controller({ path: 'events/:eventId/ticket-types', version: '1' })
export class TicketTypesController {
  constructor(private readonly ticketTypes: TicketTypesService) {}

  @Post()
  @RequireScope('events:write')
  @ApiEventId()
  @Idempotent({
    required: false,
    location: (body) => `/v1/events/${body.eventId}/ticket-types/${body.id}`,
  })
  @ApiOperation({
    operationId: 'createTicketType',
    summary: 'Create a ticket type',
    description: 'Something of the event that can be booked, at one price.',
  })
  @ApiResource(201, TicketTypeDto, 'The new ticket type.', {
    id: DEMO.balconyId,
    name: 'Balcony',
    description: 'Seated, with a view of the harbour.',
  })
  @ApiProblems(EVENT_NOT_FOUND, INVALID_TRANSITION, TOO_MANY_TICKET_TYPES)
  create(
    @PathId('eventId') eventId: string,
    @Body() dto: CreateTicketTypeDto,
    @AuthorOf() author: Author,
    @IdempotencyOf() request: IdempotentRequest | null,
  ): Promise<Answer<TicketTypeDto>> {
    return this.ticketTypes.create(eventId, dto, author, request);
  }

  @Get()
  @Public()
  @ApiEventId()
  @ApiOperation({
    operationId: 'listTicketTypes',
    summary: 'List the ticket types',
    description: 'In the order in which they were created.',
  })
  @ApiResponse({ status: 200, type: TicketTypePageDto, description: 'One page of ticket types.' })
  @ApiProblems(EVENT_NOT_FOUND)
  list(
    @PathId('eventId') eventId: string,
    @Query() query: PageQueryDto,
    @HasScope('events:write') seesDrafts: boolean,
  ): Promise<Page<TicketTypeDto>> {
    return this.ticketTypes.list(eventId, query, seesDrafts);
  }

  @Get(':ticketTypeId')
  @Public()
  @ApiTicketTypeId()
  @ApiIfNoneMatch()
  @ApiOperation({
    operationId: 'getTicketType',
    summary: 'Read a ticket type',
    description: 'Its definition; what is left of it is in the availability.',
  })
  @ApiResource(200, TicketTypeDto, 'The ticket type.')
  @ApiProblems(EVENT_NOT_FOUND, TICKET_TYPE_NOT_FOUND)
  get(
    @PathId('eventId') eventId: string,
    @PathId('ticketTypeId') ticketTypeId: string,
    @HasScope('events:write') seesDrafts: boolean,
  ): Promise<TicketTypeDto> {
    return this.ticketTypes.get(eventId, ticketTypeId, seesDrafts);
  }

  @Patch(':ticketTypeId')
  @RequireScope('events:write')
  @ApiTicketTypeId()
  @ApiIfMatch(true)
  @ApiOperation({
    operationId: 'updateTicketType',
    summary: 'Change a ticket type',
    description:
      'Members that are left out stay as they are; null clears. The capacity is never set under what is held and sold. Orders that exist keep their name and price.',
  })
  @ApiResource(200, TicketTypeDto, 'The changed ticket type.', { capacity: 1200, version: 2 })
  @ApiProblems(EVENT_NOT_FOUND, TICKET_TYPE_NOT_FOUND, CAPACITY_BELOW_COMMITTED, INVALID_TRANSITION)
  update(
    @PathId('eventId') eventId: string,
    @PathId('ticketTypeId') ticketTypeId: string,
    @Body() dto: UpdateTicketTypeDto,
    @RequiredIfMatch() expected: ExpectedVersions,
    @AuthorOf() author: Author,
  ): Promise<TicketTypeDto> {
    return this.ticketTypes.update(eventId, ticketTypeId, dto, expected, author);
  }

  @Delete(':ticketTypeId')
  @RequireScope('events:write')
  @HttpCode(204)
  @ApiTicketTypeId(DEMO.vipId)
  @ApiIfMatch(false)
  @ApiOperation({
    operationId: 'deleteTicketType',
    summary: 'Delete a ticket type',
    description: 'Only while nothing of it was ever ordered.',
  })
  @ApiResponse({ status: 204, description: 'It is gone.' })
  @ApiProblems(EVENT_NOT_FOUND, TICKET_TYPE_NOT_FOUND, TICKET_TYPE_IN_USE)
  delete(
    @PathId('eventId') eventId: string,
    @PathId('ticketTypeId') ticketTypeId: string,
    @OptionalIfMatch() expected: ExpectedVersions,
    @AuthorOf() author: Author,
  ): Promise<void> {
    return this.ticketTypes.delete(eventId, ticketTypeId, expected, author);
  }
}
