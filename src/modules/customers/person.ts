import { validationFailed } from '../../platform/errors/platform.errors.js';
import type { Person } from '../orders/index.js';

/** @throws DomainError `validation-failed` unless exactly one of the two is there */
export function personOf({ email, subject }: { email?: string; subject?: string }): Person {
  if (email !== undefined && subject === undefined) return { email };
  if (subject !== undefined && email === undefined) return { subject };
  throw validationFailed([{ pointer: '', detail: 'give either email or subject' }]);
}
