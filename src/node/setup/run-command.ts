import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';

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
}

/** Runs a command to its end; it never throws. */
export function runCommand(command: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise(resolve => {
    const {cwd, env, onLine, shareStdout} = options;
    const child = spawn(command, args, {cwd, env, stdio: ['ignore', shareStdout ? 'inherit' : 'pipe', 'pipe']});
    let [stdout, stderr] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    if (onLine && child.stdout) createInterface({input: child.stdout}).on('line', onLine);
    child.on('error', error => resolve({status: error.message, stdout, stderr}));
    child.on('close', (code, signal) => resolve({status: code ?? signal ?? 'unknown', stdout, stderr}));
  });
}

/** The last line that says something, of what a command printed. */
export function lastLine({stdout, stderr, status}: CommandResult): string {
  const lines = (text: string) => text.split('\n').filter(line => line.trim() !== '');
  return (lines(stderr).at(-1) ?? lines(stdout).at(-1) ?? `exit status ${status}`).trim();
}
