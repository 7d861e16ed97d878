import { Global, Module } from '@nestjs/common';
import { PersonalDataHolders } from './personal-data-holders.js';

@Global()
@Module({ providers: [PersonalDataHolders], exports: [PersonalDataHolders] })
export class PersonalDataModule {}
