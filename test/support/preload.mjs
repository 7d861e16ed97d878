// @nestjs/throttler is CommonJS and requires these, which are ES modules: Jest refuses that while they are still being loaded.
import '@nestjs/common';
import '@nestjs/core';
