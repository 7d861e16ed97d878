import { Body, Controller, Get, Header, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { type Author, AuthorOf } from '../../platform/audit/author.js';
import { HasScope, Public, RequireScope } from '../../platform/auth/access.decorators.js';
import { ApiIfMatch, RequiredIfMatch, Tagged, type ExpectedVersions } from '../../platform/http/etag.js';
import { ApiIfNoneMatch, ApiProblems, ApiResource } from '../../platform/http/openapi.js';
import type { Page } from '../../platform/http/pagination.js';
import { ApiPathId, PathId } from '../../platform/http/path-id.js';
import type { Answer } from '../../platform/idempotency/answer.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { Idempotent, IdempotencyOf } from '../../platform/idempotency/idempotent.decorator.js';
import { AvailabilityStreams } from './availability-streams.js';
import { AvailabilityService } from './availability.service.js';
import { DEMO } from './demo-ids.js';
import { TIMES } from './dto-fields.js';
import { CreateEventDto, EventDto, EventPageDto, EventQueryDto, UpdateEventDto } from './events.dto.js';
import { AvailabilityDto } from './availability.dto.js';
import { EVENT_NOT_FOUND, INVALID_TRANSITION } from './events.errors.js';
import { EventsService } from './events.service.js';

export const ApiEventId = () => ApiPathId('eventId', 'The event.', DEMO.eventId);

const STREAM_EXAMPLE = `retry: 2000

id: 42
event: availability
data: {"eventId":"${DEMO.eventId}","asOf":"${TIMES.created}","ticketTypes":[{"ticketTypeId":"${DEMO.standardId}","name":"Standard","capacity":200,"held":3,"sold":40,"available":157,"onSale":true}]}

`;

@ApiTags('Events')
@Controller({ path: 'events', version: '1' })
export class EventsController {
  constructor(
    private readonly events: EventsService,
    private readonly availability: AvailabilityService,
    private readonly streams: AvailabilityStreams,
  ) {}

  @Post()
  @RequireScope('events:write')
  @Idempotent({ required: false, location: (body) => `/v1/events/${body.id}` })
  @ApiOperation({
    operationId: 'createEvent',
    summary: 'Create an event',
    description: 'The event is a draft until it is published. Give it ticket types first.',
  })
  @ApiResource(201, EventDto, 'The new event.', { status: 'draft', ticketTypes: [] })
  create(
    @Body() dto: CreateEventDto,
    @AuthorOf() author: Author,
    @IdempotencyOf() request: IdempotentRequest | null,
  ): Promise<Answer<EventDto>> {
    return this.events.create(dto, author, request);
  }

  @Get()
  @Public()
  @ApiOperation({
    operationId: 'listEvents',
    summary: 'List events',
    description: 'Soonest first, a page at a time. Drafts are shown to callers with `events:write` only.',
  })
  @ApiResponse({ status: 200, type: EventPageDto, description: 'One page of events.' })
  list(@Query() query: EventQueryDto, @HasScope('events:write') seesDrafts: boolean): Promise<Page<EventDto>> {
    return this.events.list(query, seesDrafts);
  }

  @Get(':eventId')
  @Public()
  @ApiEventId()
  @ApiIfNoneMatch()
  @ApiOperation({
    operationId: 'getEvent',
    summary: 'Read an event',
    description: 'With its ticket types. What is left of them is in the availability.',
  })
  @ApiResource(200, EventDto, 'The event.')
  @ApiProblems(EVENT_NOT_FOUND)
  get(@PathId('eventId') eventId: string, @HasScope('events:write') seesDrafts: boolean): Promise<EventDto> {
    return this.events.get(eventId, seesDrafts);
  }

  @Patch(':eventId')
  @RequireScope('events:write')
  @ApiEventId()
  @ApiIfMatch(true)
  @ApiOperation({
    operationId: 'updateEvent',
    summary: 'Change an event',
    description: 'Members that are left out stay as they are; null clears. The currency cannot be changed.',
  })
  @ApiResource(200, EventDto, 'The changed event.', { description: 'Three sets under the open sky.', version: 2 })
  @ApiProblems(EVENT_NOT_FOUND, INVALID_TRANSITION)
  update(
    @PathId('eventId') eventId: string,
    @Body() dto: UpdateEventDto,
    @RequiredIfMatch() expected: ExpectedVersions,
    @AuthorOf() author: Author,
  ): Promise<EventDto> {
    return this.events.update(eventId, dto, expected, author);
  }

  @Post(':eventId/publish')
  @RequireScope('events:write')
  @ApiEventId()
  @Idempotent({ required: false })
  @ApiOperation({
    operationId: 'publishEvent',
    summary: 'Publish an event',
    description: 'From now on it can be booked, within its sales window. Again on a published event: the same answer.',
  })
  @ApiResource(200, EventDto, 'The published event.', { status: 'published', version: 3 })
  @ApiProblems(EVENT_NOT_FOUND, INVALID_TRANSITION)
  publish(
    @PathId('eventId') eventId: string,
    @AuthorOf() author: Author,
    @IdempotencyOf() request: IdempotentRequest | null,
  ): Promise<Answer<EventDto>> {
    return this.events.publish(eventId, author, request);
  }

  @Get(':eventId/availability')
  @Public()
  @Header('Cache-Control', 'no-cache')
  @ApiEventId()
  @ApiIfNoneMatch()
  @ApiOperation({
    operationId: 'getAvailability',
    summary: 'See what is left',
    description: 'All numbers are of one moment; capacity = held + sold + available. The ETag changes with the numbers.',
  })
  @ApiResource(200, AvailabilityDto, 'What is left of each ticket type.')
  @ApiProblems(EVENT_NOT_FOUND)
  async getAvailability(
    @PathId('eventId') eventId: string,
    @HasScope('events:write') seesDrafts: boolean,
  ): Promise<Tagged<AvailabilityDto>> {
    const { body, etag } = await this.availability.get(eventId, seesDrafts);
    return new Tagged(body, etag);
  }

  @Get(':eventId/availability/stream')
  @Public()
  @ApiEventId()
  @ApiOperation({
    operationId: 'streamAvailability',
    summary: 'Watch what is left',
    description:
      'Server-sent events named `availability`, whose data is the availability: the first at once, then within a second of each change. The id of each is the sequence of the event. Swagger UI shows nothing until the stream ends: use an EventSource, or `curl -N`.',
  })
  @ApiResponse({
    status: 200,
    description: 'The stream.',
    content: { 'text/event-stream': { schema: { type: 'string', pattern: '^retry: [0-9]+\\n\\n', example: STREAM_EXAMPLE } } },
  })
  @ApiProblems(EVENT_NOT_FOUND)
  streamAvailability(
    @PathId('eventId') eventId: string,
    @HasScope('events:write') seesDrafts: boolean,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.streams.listen(eventId, seesDrafts, request, response);
  }
}
