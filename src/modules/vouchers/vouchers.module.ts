import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Module } from '@nestjs/common';
import { Voucher } from './voucher.entity.js';
import { VoucherRedemptionCounts } from './voucher-redemption-counts.js';
import { VoucherPolicy } from './voucher.policy.js';
import { VouchersController } from './vouchers.controller.js';
import { VouchersPersonalData } from './vouchers-personal-data.js';
import { VouchersService } from './vouchers.service.js';

@Module({
  imports: [MikroOrmModule.forFeature([Voucher])],
  controllers: [VouchersController],
  providers: [VouchersService, VoucherPolicy, VouchersPersonalData, VoucherRedemptionCounts],
})
export class VouchersModule {}
