import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In a user namespace of its own, where anybody is root; there for as long as somebody holds its input. */
const MOUNT_AND_HOLD = 'mount -t tmpfs -o "$1" tmpfs "$2" && echo ready && exec cat';

/** A disk (tmpfs) that is soon full. */
export class SmallDisk {
  private constructor(
    readonly directory: string,
    private readonly free: () => Promise<void>,
  ) {}

  /** @returns null where this process may not mount anything */
  static async make(mib: number): Promise<SmallDisk | null> {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-disk-'));
    const options = `size=${mib}m,mode=755`;
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'ignore' });
    } catch {
      const disk = await SmallDisk.inNamespace(directory, options);
      if (!disk) rmdirSync(directory);
      return disk;
    }
    return new SmallDisk(directory, async () => {
      execFileSync('umount', [directory]);
      rmdirSync(directory);
    });
  }

  /** Others get at it by way of the process that is in the namespace. */
  private static async inNamespace(directory: string, options: string): Promise<SmallDisk | null> {
    // PostgreSQL does not run as root, and the namespace has no other account.
    if (process.getuid?.() === 0) return null;
    const holder = spawn('unshare', ['-Urm', 'sh', '-c', MOUNT_AND_HOLD, 'sh', options, directory], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const exited = once(holder, 'exit').catch(() => {});
    const isReady = await Promise.race([once(holder.stdout, 'data').then(() => true), exited.then(() => false)]);
    if (!isReady) return null;
    return new SmallDisk(`/proc/${holder.pid}/root${directory}`, async () => {
      holder.stdin.end();
      await exited;
      rmdirSync(directory);
    });
  }

  /** When nothing uses it any more. */
  async remove(): Promise<void> {
    await this.free();
  }
}
