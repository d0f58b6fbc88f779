import {readFileSync} from 'node:fs';
import type {Binding, NativeBackend} from '../binding.js';
import {ATTRIBUTE, DTYPES} from '../binding.js';
import {threadsOfAnOp} from '../session-options.js';
import type {Device} from './index.js';
import {FILTER} from './winograd.js';

const devices = new WeakMap<Binding, Device>();

/** What the backend runs on. */
export function deviceOf({binding, isUsingGpuDevice}: NativeBackend): Device {
  const known = devices.get(binding);
  if (known) return known;
  const isGpu = isUsingGpuDevice;
  const device = {isGpu, hasAvx512: hasAvx512(), hasWinograd: !isGpu && hasWinograd(binding), threads: threadsOfAnOp()};
  devices.set(binding, device);
  return device;
}

/** False where Linux does not tell, or oneDNN is told to do without. */
function hasAvx512(): boolean {
  const limit = process.env.ONEDNN_MAX_CPU_ISA ?? 'DEFAULT';
  try {
    return /^(AVX512|AVX10|DEFAULT)/i.test(limit) && readFileSync('/proc/cpuinfo', 'utf8').includes(' avx512f ');
  } catch {
    return false;
  }
}

/** A binding that `tfjs-ragan setup` did not compile, and a processor without AVX2, have no such ops. */
function hasWinograd(binding: Binding): boolean {
  const filter = binding.createTensor([3, 3, 16, 16], DTYPES.float32!, new Float32Array(3 * 3 * 16 * 16));
  const attributes = [
    {name: 'T', type: ATTRIBUTE.type, value: DTYPES.float32},
    {name: 'turned', type: ATTRIBUTE.bool, value: false},
  ];
  try {
    const [planes] = binding.executeOp(FILTER, attributes, [filter], 1);
    binding.deleteTensor(planes!.id);
    return true;
  } catch {
    return false;
  } finally {
    binding.deleteTensor(filter);
  }
}
