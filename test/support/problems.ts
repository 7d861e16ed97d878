import type { Reply } from './client.js';

/**
 * Status, code and extension members of a refusal.
 * @throws Error when it is not problem+json in the form that every refusal has
 */
export function problemOf(reply: Reply): { status: number; code: string; [member: string]: any } {
  const { type, title, detail, instance, requestId, ...rest } = (reply.body ?? {}) as Record<string, unknown>;
  const wellFormed =
    /^application\/problem\+json\b/.test(reply.headers.get('content-type') ?? '') &&
    rest['status'] === reply.status &&
    typeof rest['code'] === 'string' &&
    type === `/problems/${rest['code']}` &&
    [title, detail].every((text) => typeof text === 'string' && text !== '') &&
    typeof instance === 'string' &&
    requestId === reply.headers.get('x-request-id');
  if (wellFormed) return rest as ReturnType<typeof problemOf>;
  throw new Error(`Not a problem: ${reply.status} ${JSON.stringify([...reply.headers])} ${JSON.stringify(reply.body)}`);
}

/** The pointers that a `validation-failed` names. */
export function pointersOf(reply: Reply): string[] {
  return (problemOf(reply)['errors'] as Array<{ pointer: string }>).map(({ pointer }) => pointer);
}
