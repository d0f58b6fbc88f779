import {execFileSync, spawnSync} from 'node:child_process';
import {join} from 'node:path';

const named = process.env.TENSORBOARD_PYTHON;
const hasTensorBoard = () => spawnSync('python3', ['-c', 'import tensorboard'], {timeout: 60_000}).status === 0;

/**
 * Tests that need TensorBoard: skipped, with a word on how to get it, where `python3` has none. Where the environment
 * variable TENSORBOARD_PYTHON names a Python they run, and fail if it has none.
 */
export function describeWithTensorBoard(title: string, tests: () => void): void {
  if (named !== undefined || hasTensorBoard()) {
    describe(title, tests);
  } else {
    process.stderr.write(
      `Skipped, since python3 has no TensorBoard: ${title}. Install it (python3 -m venv tb && tb/bin/pip install ` +
        'tensorboard) and name its Python in the environment variable TENSORBOARD_PYTHON.\n',
    );
    describe.skip(title, tests);
  }
}

/** What one of TensorBoard's readers finds in a folder, by tag. */
export interface Found {
  scalars: Record<string, [step: number, value: number][]>;
  /** The bytes of the pictures in base64. */
  images: Record<string, [step: number, width: number, height: number, bytes: string][]>;
  histograms: Record<string, [step: number, buckets: [left: number, right: number, count: number][]][]>;
}

/** What TensorBoard shows of a folder of event files, and what the older of its two readers finds there. */
export function readWithTensorBoard(folder: string): {shown: Found; accumulated: Found} {
  const script = join(__dirname, 'read-events.py');
  const output = execFileSync(named ?? 'python3', [script, folder], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output) as {shown: Found; accumulated: Found};
}
