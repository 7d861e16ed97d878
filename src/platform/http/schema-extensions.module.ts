import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { SchemaExtensions } from './schema-extensions.js';

@Global()
@Module({ imports: [DiscoveryModule], providers: [SchemaExtensions], exports: [SchemaExtensions] })
export class SchemaExtensionsModule {}
