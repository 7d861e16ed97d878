import { Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Author, AuthorOf } from '../audit/author.js';
import { RequireScope } from '../auth/access.decorators.js';
import { ApiProblems } from '../http/openapi.js';
import type { Page } from '../http/pagination.js';
import { ApiPathId, PathId } from '../http/path-id.js';
import type { Answer } from '../idempotency/answer.js';
import type { IdempotentRequest } from '../idempotency/idempotency-key.js';
import { Idempotent, IdempotencyOf } from '../idempotency/idempotent.decorator.js';
import { type DeadLetterDto, DeadLetterPageDto, DeadLetterQueryDto } from './dead-letters.dto.js';
import { DeadLettersService } from './dead-letters.service.js';
import { DEAD_LETTER_NOT_FOUND } from './domain-events.errors.js';

const ApiDeadLetterId = () => ApiPathId('deadLetterId', 'The dead letter.');

@Controller({ path: 'dead-letters', version: '1' })
@ApiTags('Changes')
export class DeadLettersController {
  constructor(private readonly deadLetters: DeadLettersService) {}

  @Get()
  @RequireScope('admin')
  @ApiOperation({
    operationId: 'listDeadLetters',
    summary: 'List changes that a subscriber could not take',
    description:
      'Each was tried until the retries were used up. It holds back the later changes of its own order for this subscriber.',
  })
  @ApiOkResponse({ type: DeadLetterPageDto, description: 'A page of dead letters.' })
  list(@Query() query: DeadLetterQueryDto): Promise<Page<DeadLetterDto>> {
    return this.deadLetters.list(query);
  }

  @Post(':deadLetterId/retry')
  @HttpCode(204)
  @RequireScope('admin')
  @ApiDeadLetterId()
  @Idempotent({ required: false })
  @ApiOperation({
    operationId: 'retryDeadLetter',
    summary: 'Have a dead letter tried again',
    description: 'It is handed to its subscriber once more; if that fails it is a dead letter again.',
  })
  @ApiNoContentResponse({ description: 'It will be tried.' })
  @ApiProblems(DEAD_LETTER_NOT_FOUND)
  retry(
    @PathId('deadLetterId') id: string,
    @AuthorOf() author: Author,
    @IdempotencyOf() request: IdempotentRequest | null,
  ): Promise<Answer<null>> {
    return this.deadLetters.retry(id, author, request);
  }

  @Delete(':deadLetterId')
  @HttpCode(204)
  @RequireScope('admin')
  @ApiDeadLetterId()
  @ApiOperation({
    operationId: 'discardDeadLetter',
    summary: 'Discard a dead letter',
    description: 'Its subscriber never takes it; the later changes of the order go on.',
  })
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ApiProblems(DEAD_LETTER_NOT_FOUND)
  discard(@PathId('deadLetterId') id: string, @AuthorOf() author: Author): Promise<void> {
    return this.deadLetters.discard(id, author);
  }
}
