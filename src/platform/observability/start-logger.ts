import { ConsoleLogger } from '@nestjs/common';
import { redact } from './redact.js';

/** Nest's list of every module and route would bury the addresses that are printed at start. */
const QUIET_CONTEXTS = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer']);

/** Writes what the app logs, without secrets and whole e-mail addresses, whoever logs them. */
export class StartLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (QUIET_CONTEXTS.has(String(rest.at(-1)))) return;
    super.log(message, ...rest);
  }

  protected override stringifyMessage(...args: Parameters<ConsoleLogger['stringifyMessage']>): string {
    return redact(super.stringifyMessage(...args));
  }

  protected override printStackTrace(stack: string | undefined): void {
    if (stack) super.printStackTrace(redact(stack));
  }
}
