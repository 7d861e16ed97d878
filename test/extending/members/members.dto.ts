import { ApiSchema } from '@nestjs/swagger';
import { BooleanField, EmailField, IntegerField, UuidField } from '../../../src/extension.js';

const id = '019a0000-0000-7000-8000-0000000000f1';

@ApiSchema({ name: 'NewMember' })
export class NewMemberDto {
  @EmailField({ description: 'E-mail address.', example: 'ada@example.com' })
  email!: string;
}

@ApiSchema({ name: 'Member' })
export class MemberDto {
  @UuidField({ description: 'UUIDv7.', example: id })
  id!: string;

  @IntegerField({ min: 0, max: 2_147_483_647, description: 'What the member has collected.', example: 10 })
  points!: number;
}

// #region members
/** What a booking may have on top while the module is there. */
@ApiSchema({ name: 'MemberBooking' })
export class MemberBookingDto {
  @BooleanField({ optional: true, description: 'Pay with points: a tenth off.', example: false })
  usePoints?: boolean;
}

/** The member `membership` of an order. */
@ApiSchema({ name: 'Membership' })
export class MembershipDto {
  @UuidField({ description: 'Whose order it is.', example: id })
  memberId!: string;

  @BooleanField({ description: 'Whether points were used.', example: false })
  usePoints!: boolean;
}
// #endregion
