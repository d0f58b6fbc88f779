// The training step in PyTorch, where there is a Python that has it.
import {availableParallelism} from 'node:os';
import {fileURLToPath} from 'node:url';
import {startEngine} from './engine.js';

/**
 * Starts the step in a process of its own: see pytorch_step.py for the settings.
 *
 * @throws why there is none, in one line.
 */
export function startPyTorch({threads = availableParallelism(), ...settings}) {
  const script = fileURLToPath(new URL('pytorch_step.py', import.meta.url));
  return startEngine(process.env.TORCH_PYTHON ?? 'python3', [script, JSON.stringify({threads, ...settings})]);
}
