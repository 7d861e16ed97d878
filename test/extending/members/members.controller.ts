import { EntityManager } from '@mikro-orm/postgresql';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import {
  type Answer,
  ApiCreated,
  ApiProblems,
  defineScope,
  defineTag,
  DomainError,
  Idempotent,
  IdempotencyOf,
  type IdempotentRequest,
  IdempotencyStore,
  RequireScope,
  TransactionRetry,
} from '../../../src/extension.js';
import { MemberCards } from './member-cards.js';
import { MemberDto, NewMemberDto } from './members.dto.js';
import { MEMBER_EXISTS } from './members.errors.js';

const MEMBERS_WRITE = defineScope('members:write');

@Controller({ path: 'members', version: '1' })
@ApiTags(defineTag('Members', 'Who may buy first.'))
export class MembersController {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
    private readonly cards: MemberCards,
  ) {}

  @Post()
  @RequireScope(MEMBERS_WRITE)
  @Idempotent({ required: false, location: ({ id }) => `/v1/members/${id}` })
  @ApiOperation({ operationId: 'createMember', summary: 'Make somebody a member', description: 'By e-mail address.' })
  @ApiCreated(MemberDto, 'The new member.')
  @ApiProblems(MEMBER_EXISTS)
  create(@Body() { email }: NewMemberDto, @IdempotencyOf() request: IdempotentRequest | null): Promise<Answer<MemberDto>> {
    const work = () =>
      this.em.fork().transactional((em) =>
        this.idempotency.once(em, request, { status: 201 }, async () => {
          const { rows } = await sql<MemberDto>`
            insert into members (id, customer_key) values (${uuidv7()}, ${email.trim().toLowerCase()})
            on conflict (customer_key) do nothing returning id, points
          `.execute(em.getKysely());
          if (!rows[0]) throw new DomainError(MEMBER_EXISTS, `${email} is a member already.`);
          await this.cards.order(em, rows[0].id);
          return rows[0];
        }),
      );
    return this.retry.run(work, { recognisesItsOwnCommit: request !== null });
  }
}
