// PyTorch's side of the comparison: one Python process that runs a step whenever it is asked to.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

const SCRIPT = fileURLToPath(new URL('pytorch_step.py', import.meta.url));

/**
 * Starts TORCH_PYTHON, or python3, and resolves to `{version, step(layout), stop()}`, where `step` resolves to the
 * milliseconds of one step; or to `{missing}`, the reason why there is no PyTorch to compare with.
 */
export async function startPyTorch(threads) {
  const python = process.env.TORCH_PYTHON ?? 'python3';
  const child = spawn(python, [SCRIPT, String(threads)], {stdio: ['pipe', 'pipe', 'pipe']});
  let complaint = '';
  child.stderr.on('data', text => (complaint = `${complaint}${text}`.slice(-1000)));
  const ended = new Promise(resolve => {
    child.once('error', error => resolve(error.message));
    child.once('close', () => resolve(complaint.trim().split('\n').at(-1) || 'it ended'));
  });
  const lines = createInterface({input: child.stdout});
  const next = () => Promise.race([once(lines, 'line').then(([line]) => ({line})), ended.then(reason => ({reason}))]);

  const hello = await next();
  if (hello.line === undefined) return {missing: `${python}: ${hello.reason}`};
  return {
    version: hello.line,
    async step(layout) {
      const answer = next();
      child.stdin.write(`${layout}\n`);
      const {line, reason} = await answer;
      if (line === undefined) throw new Error(`PyTorch stopped: ${reason}`);
      return Number(line);
    },
    stop: () => child.stdin.end(),
  };
}
