import {readFileSync, readlinkSync} from 'node:fs';
import {hostname} from 'node:os';

/**
 * Names this process for others, perhaps elsewhere: its number, the machine or container, and on Linux also which processes
 * that number is among (of this start of the machine, in this namespace) and when it began, as numbers are used again.
 */
export function thisProcess(): string {
  return [process.pid, hostname(), ...(NUMBERED_IN === undefined ? [] : [NUMBERED_IN, begun(process.pid) ?? ''])]
    .join(' ')
    .trim();
}

/** What became of a process that `thisProcess` named; one out of sight is on another machine or in another container. */
export function isProcess(name: string): 'this one' | 'running' | 'gone' | 'out of sight' {
  const [number, host = hostname(), numberedIn, start] = name.trim().split(' ');
  const pid = Number(number);
  if (host !== hostname() || (numberedIn !== undefined && numberedIn !== NUMBERED_IN)) return 'out of sight';
  if (!Number.isInteger(pid) || pid <= 0 || !exists(pid)) return 'gone';
  const now = begun(pid);
  if (now === 'ended' || (start !== undefined && now !== undefined && now !== start)) return 'gone';
  return pid === process.pid ? 'this one' : 'running';
}

/** What a process number counts in; undefined where there is no /proc. */
const NUMBERED_IN = (() => {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
})();

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, in ticks since the machine did; 'ended' if its parent has yet to be told; undefined without /proc. */
function begun(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before, in brackets, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19];
  } catch {
    return undefined;
  }
}
