import {fileError} from '../node/system/files.js';

/** What a reader that has gone, and a terminal that has, give to those who write to them. */
const GONE = new Set(['EPIPE', 'EIO', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

/** The exit code where nobody reads the output any more, as shells give it: 128 and the number of SIGPIPE. */
const READER_GONE = 141;

const end = () => process.exit();
let whenLost: () => void = end;
let lostWith: number | undefined;

/**
 * Ends the process, quietly, once nobody reads what it prints any more (`| head -1`, or a closed terminal); with one line
 * on stderr where stdout cannot be written for another reason, as a full disk.
 */
export function watchOutput(): void {
  const lost = (code: number) => {
    lostWith ??= code;
    setExitCode(lostWith);
    whenLost();
  };
  process.stderr.on('error', () => lost(READER_GONE));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (GONE.has(error.code ?? '')) return lost(READER_GONE);
    if (lostWith === undefined) process.stderr.write(`tfjs-ragan: ${fileError('write', 'stdout', error).message}\n`);
    lost(2);
  });
}

/** Sets the exit code of this process: what is still being printed gets out. That of a lost output stays. */
export function setExitCode(code: number): void {
  process.exitCode = lostWith ?? code;
}

/**
 * Has `stop` called instead of the process ended, each time that something could not be printed.
 *
 * @returns what takes it back.
 */
export function onOutputLost(stop: () => void): () => void {
  whenLost = stop;
  return () => (whenLost = end);
}
