import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, which is 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  parent: number;
  ownSeconds: number;
  /** Of children that have ended and were waited for. */
  endedChildrenSeconds: number;
}

function timesOf(pid: number): ProcessTimes | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15).map(Number) as [number, number, number, number];
    return {
      parent: Number(fields[1]),
      ownSeconds: (user + system) / TICKS_PER_SECOND,
      endedChildrenSeconds: (childrenUser + childrenSystem) / TICKS_PER_SECOND,
    };
  } catch {
    return null;
  }
}

/** CPU time of these processes so far, in seconds; null without any, and where there is no /proc. */
export function cpuSecondsOf(pids: readonly number[]): number | null {
  const times = pids.map(timesOf);
  return times.length === 0 || times.includes(null) ? null : times.reduce((sum, time) => sum + time!.ownSeconds, 0);
}

/** CPU time of the server and of all its backends, those that have ended included. */
export function cpuSecondsOfServer(postmaster: number | null): number | null {
  if (postmaster === null) return null;
  const server = timesOf(postmaster);
  if (!server) return null;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => timesOf(Number(name)))
    .filter((times) => times?.parent === postmaster);
  return server.ownSeconds + server.endedChildrenSeconds + children.reduce((sum, times) => sum + times!.ownSeconds, 0);
}

/** The process that has started this backend, if the backend is one of this machine. */
export function postmasterOf(backend: number): number | null {
  try {
    if (readFileSync(`/proc/${backend}/comm`, 'utf8').trim() !== 'postgres') return null;
    return timesOf(backend)?.parent ?? null;
  } catch {
    return null;
  }
}

/** Memory of the process in MiB; null where there is no /proc. */
export function residentMiB(pid: number): number | null {
  try {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) / 1024 : null;
  } catch {
    return null;
  }
}
