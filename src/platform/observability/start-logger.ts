import { ConsoleLogger } from '@nestjs/common';

/** Nest's list of every module and route would bury the addresses that are printed at start. */
const QUIET_CONTEXTS = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer']);

export class StartLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (QUIET_CONTEXTS.has(String(rest.at(-1)))) return;
    super.log(message, ...rest);
  }
}
