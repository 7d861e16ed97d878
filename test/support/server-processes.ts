import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './faults.js';

/** kill -9 of the postmaster and of all its children, as when the machine loses its power. */
export async function killServer(dataDirectory: string): Promise<void> {
  const postmaster = postmasterOf(dataDirectory);
  for (const pid of [postmaster, ...childrenOf(postmaster)]) signal(pid, 'SIGKILL');
  await eventually('the killed server is gone', () => Promise.resolve(!lives(postmaster)));
}

/** All its processes stand still (SIGSTOP) until {@link thawServer}: connections stay open, new ones are taken by the kernel, and nothing answers. */
export function freezeServer(dataDirectory: string): void {
  const postmaster = postmasterOf(dataDirectory);
  // First the one that could start others.
  signal(postmaster, 'SIGSTOP');
  for (const pid of childrenOf(postmaster)) signal(pid, 'SIGSTOP');
}

export function thawServer(dataDirectory: string): void {
  const postmaster = postmasterOf(dataDirectory);
  for (const pid of [...childrenOf(postmaster), postmaster]) signal(pid, 'SIGCONT');
}

/** @throws Error when no server runs on this folder, or none has since its last stop */
export function postmasterOf(dataDirectory: string): number {
  return Number(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0]);
}

export function isUp(dataDirectory: string): boolean {
  try {
    return lives(postmasterOf(dataDirectory));
  } catch {
    return false;
  }
}

/** By parent: PostgreSQL's children have sessions of their own, so a signal to the group would miss them. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid)?.parent === parent);
}

/** One that has ended and that nobody has waited for (process 1 of a container need not) is as good as gone. */
function lives(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.state !== 'Z';
}

function statOf(pid: number): { state: string; parent: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: state!, parent: Number(parent) };
  } catch {
    // It has ended meanwhile.
    return null;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // A backend that has ended since it was found.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
