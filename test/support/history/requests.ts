import type { Answer, Call, Command, ShownOrder } from './calls.js';

/** All calls with one key: they count as one, which may have happened from the first one's start to the first success. */
export interface Request {
  key: string;
  command: Command;
  invokedAt: number;
  /** Null while nobody knows what became of it. */
  completedAt: number | null;
  answer: Answer | null;
  /** No success is known, and an attempt had no answer. */
  mayHaveHappened: boolean;
  /** Successes that differ from the first, and refusals of what was sent after it. */
  otherAnswers: Answer[];
}

export const successOf = ({ answer }: { answer: Answer | null }): ShownOrder | null =>
  answer && 'order' in answer ? answer.order : null;

export function requestsOf(calls: readonly Call[]): Request[] {
  const byKey = new Map<string, Call[]>();
  for (const call of calls) byKey.set(call.key, [...(byKey.get(call.key) ?? []), call]);
  return [...byKey.values()].map((group) => {
    const byEnd = group.toSorted((a, b) => (a.completedAt ?? Infinity) - (b.completedAt ?? Infinity));
    // Only successes are remembered: a refusal says nothing about what the same key comes to later.
    const successes = byEnd.filter((call) => successOf(call));
    // A refusal settles the key only if no other call with it is of unknown outcome.
    const settled = successes[0] ?? (group.every(({ answer }) => answer) ? byEnd.at(-1)! : null);
    return {
      key: group[0]!.key,
      command: group[0]!.command,
      invokedAt: Math.min(...group.map(({ invokedAt }) => invokedAt)),
      completedAt: settled?.completedAt ?? null,
      answer: settled?.answer ?? null,
      mayHaveHappened: successes.length === 0 && group.some(({ answer, hasOpenAttempts }) => !answer || hasOpenAttempts),
      otherAnswers: successes[0] ? otherAnswers(group, successes[0]) : [],
    };
  });
}

function otherAnswers(group: readonly Call[], first: Call): Answer[] {
  const bound = group.filter((call) => successOf(call) || call.attemptedAt > first.completedAt!);
  return bound.flatMap(({ answer }) => (!answer || JSON.stringify(answer) === JSON.stringify(first.answer) ? [] : answer));
}

/** Whether the request can have caused this step of its order. */
export function canCause({ command }: Request, step: string): boolean {
  if (command.do === 'confirm') return step === 'confirm' || (step === 'revive' && command.revive);
  if (command.do === 'extend') return step === 'extend';
  if (command.do === 'read') return false;
  if (command.do === 'cancel') return step === 'cancel' || (step === 'cancel-partly' && command.items !== null);
  return step === (command.holdSeconds === null ? 'book' : 'hold');
}

/** Whether its success always means that it changed something; to confirm or cancel again is a success that changes nothing. */
export function alwaysChanges({ command }: Request): boolean {
  return command.do === 'book' || command.do === 'extend' || (command.do === 'cancel' && command.items !== null);
}
