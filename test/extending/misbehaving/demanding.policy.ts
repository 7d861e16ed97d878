import { ExtendsBooking, TextField } from '../../../src/extension.js';

export class DemandingBookingDto {
  @TextField({ min: 1, max: 20, description: 'What should be optional, and is not.', example: 'red' })
  colour!: string;
}

@ExtendsBooking({ name: 'demanding', body: DemandingBookingDto })
export class DemandingPolicy {}
