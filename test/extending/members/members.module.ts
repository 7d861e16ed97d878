import { Module } from '@nestjs/common';
import { MemberCards } from './member-cards.js';
import { MemberLetters } from './member-letters.js';
import { MemberPoints } from './member-points.js';
import { MembersController } from './members.controller.js';
import { MembersPolicy } from './members.policy.js';
import { PurgeLettersJob } from './purge-letters.job.js';

/** One line in `app.module.ts` and it is there. */
@Module({
  controllers: [MembersController],
  providers: [MembersPolicy, MemberLetters, MemberPoints, MemberCards, PurgeLettersJob],
})
export class MembersModule {}
