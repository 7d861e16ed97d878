import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { ApiKeyAuthenticator } from './api-key-authenticator.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeysService } from './api-keys.service.js';
import { JwtVerifier } from './jwt-verifier.js';

@Global()
@Module({
  controllers: [ApiKeysController],
  providers: [ApiKeyAuthenticator, ApiKeysService, JwtVerifier, AccessGuard, { provide: APP_GUARD, useExisting: AccessGuard }],
})
export class AuthModule {}
