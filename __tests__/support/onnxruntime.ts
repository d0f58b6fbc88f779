import {execFileSync, spawnSync} from 'node:child_process';
import {join} from 'node:path';

const named = process.env.ONNXRUNTIME_PYTHON;
const hasOnnxRuntime = () => spawnSync('python3', ['-c', 'import onnxruntime'], {timeout: 60_000}).status === 0;

/**
 * Tests that need onnxruntime: skipped, with a word on how to get it, where `python3` has none. Where the environment variable
 * ONNXRUNTIME_PYTHON names a Python they run, and fail if it has none.
 */
export function describeWithOnnxRuntime(title: string, tests: () => void): void {
  if (named !== undefined || hasOnnxRuntime()) {
    describe(title, tests);
  } else {
    process.stderr.write(
      `Skipped, since python3 has no onnxruntime: ${title}. Install it (python3 -m venv onnx && onnx/bin/pip install ` +
        'onnxruntime) and name its Python in the environment variable ONNXRUNTIME_PYTHON.\n',
    );
    describe.skip(title, tests);
  }
}

/** Pictures `[batch, height, width, 3]`. */
export interface Pictures {
  shape: number[];
  values: number[];
}

/** What onnxruntime makes of pictures with a model, and what that says of its input and output. */
export function runOnnx(
  file: string,
  pictures: Pictures[],
): {input: [string, (number | string)[]]; output: [string, (number | string)[]]; outputs: Pictures[]} {
  const script = join(__dirname, 'run-onnx.py');
  const told = execFileSync(named ?? 'python3', [script, file], {
    encoding: 'utf8',
    input: JSON.stringify(pictures),
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(told) as ReturnType<typeof runOnnx>;
}
