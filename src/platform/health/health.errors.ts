import { defineProblem } from '../errors/domain-error.js';

export const NOT_READY = defineProblem({
  code: 'not-ready',
  kind: 'unavailable',
  title: 'This instance cannot serve requests',
  example: { detail: 'Send this instance no requests while it says so.' },
  optionalMembers: { checks: { $ref: '#/components/schemas/ReadinessChecks' } },
});
