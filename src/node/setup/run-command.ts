import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {beforeEnd} from '../system/before-end.js';

/** How a command ended and what it printed. */
export interface CommandResult {
  /** The exit status, or what kept it from starting or ended it. */
  status: number | string;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Told every line of stdout as it comes. */
  onLine?: (line: string) => void;
  /** Let the command write to this process's stdout, as a progress bar needs; then `stdout` is empty. */
  shareStdout?: boolean;
  /** After how many milliseconds it is ended. Default: never. */
  timeout?: number;
}

/** Whether processes come in groups, which can be ended as a whole. */
const GROUPS = process.platform !== 'win32';

/** Runs a command to its end, or to this process's, with all that it started; it never throws. */
export function runCommand(command: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise(resolve => {
    const {cwd, env, onLine, shareStdout, timeout} = options;
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', shareStdout ? 'inherit' : 'pipe', 'pipe'],
      detached: GROUPS, // a group of its own
    });
    let [stdout, stderr] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    if (onLine && child.stdout) createInterface({input: child.stdout}).on('line', onLine);
    const kill = () => {
      try {
        if (GROUPS && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        else child.kill('SIGKILL');
      } catch {
        // It has ended.
      }
    };
    const end = (status: number | string) => {
      clearTimeout(timer);
      takeBack();
      resolve({status, stdout, stderr});
    };
    const giveUp = () => {
      kill();
      // One that waits for its driver cannot even be killed; nothing here waits for it.
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      end(`no answer in ${timeout! / 1000} seconds`);
    };
    const takeBack = beforeEnd(kill);
    const timer = timeout === undefined ? undefined : setTimeout(giveUp, timeout);
    child.on('error', error => end(error.message));
    child.on('close', (code, signal) => end(code ?? `ended by ${signal}`));
  });
}

/** The last line that says something, of what a command printed. */
export function lastLine({stdout, stderr, status}: CommandResult): string {
  const last = linesOf(stderr).at(-1) ?? linesOf(stdout).at(-1);
  return last ?? (typeof status === 'number' ? `exit status ${status}` : status);
}

/** The first line that matches `pattern`, of what a command printed, or else the last line. */
export function tellingLine(result: CommandResult, pattern: RegExp): string {
  const lines = [...linesOf(result.stderr), ...linesOf(result.stdout)];
  return lines.find(line => pattern.test(line)) ?? lastLine(result);
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}
