import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { RequireScope } from '../auth/access.decorators.js';
import { hasScope, principalOf } from '../auth/principal.js';
import { clientGone } from '../http/client-gone.js';
import { ApiProblems } from '../http/openapi.js';
import { ChangesDto, ChangesQueryDto } from './changes.dto.js';
import { ChangeFeedService } from './change-feed.service.js';
import { CURSOR_EXPIRED } from './domain-events.errors.js';

@Controller({ path: 'changes', version: '1' })
@ApiTags('Changes')
export class ChangesController {
  constructor(private readonly feed: ChangeFeedService) {}

  @Get()
  @RequireScope('orders:read')
  @ApiOperation({
    operationId: 'listChanges',
    summary: 'Follow what happens',
    description:
      'Every change of orders and events, once committed, in an order that never changes, and none is ever skipped. Keep `nextCursor` and ask again from it; with `wait` the answer comes as soon as there is something. What happens to an event that was not published yet is shown to callers with `events:write` only, and `webhook-endpoint.disabled` to those with `admin`; `event.published` has all of the event.',
  })
  @ApiOkResponse({ type: ChangesDto, description: 'The changes after the cursor.' })
  @ApiProblems(CURSOR_EXPIRED)
  list(
    @Query() query: ChangesQueryDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ChangesDto> {
    response.setHeader('Cache-Control', 'no-store');
    return this.feed.read(query, (scope) => hasScope(principalOf(request), scope), clientGone(response));
  }
}
