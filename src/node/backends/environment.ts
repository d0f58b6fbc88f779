import type {BackendOptions} from './options.js';

/**
 * Sets the environment variables that TensorFlow reads when it starts; it has no other handles here. What the user set
 * stays, unless an option says otherwise.
 *
 * @returns what puts the environment back as it was, for a TensorFlow that is not taken after all.
 * @throws if `device` is not one of the visible GPUs.
 */
export function setTensorFlowEnvironment({threads, device, memoryGrowth, memoryLimit}: BackendOptions): () => void {
  const {env} = process;
  const before: Record<string, string | undefined> = {};
  const set = (name: string, chosen: string | number | boolean | undefined, otherwise?: string) => {
    const value = chosen === undefined ? (env[name] ?? otherwise) : String(chosen);
    if (value === env[name]) return;
    before[name] = env[name];
    env[name] = value;
  };
  const visibleDevice = device === undefined ? undefined : visibleDeviceAt(device);
  set('TF_CPP_MIN_LOG_LEVEL', undefined, '2'); // errors only
  set('TF_NUM_INTRAOP_THREADS', threads);
  set('TF_OVERRIDE_GLOBAL_THREADPOOL', undefined, 'true'); // a captured step's session has threads of its own
  set('TF_ENABLE_ONEDNN_OPTS', undefined, '1'); // left off by TensorFlow itself where a processor lacks AVX-512 VNNI
  set('TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE', undefined, 'false'); // or oneDNN plans gradients of convolutions anew at every step
  set('TF_FORCE_GPU_ALLOW_GROWTH', memoryGrowth, 'true');
  set('TF_PER_DEVICE_MEMORY_LIMIT_MB', memoryLimit);
  set('CUDA_DEVICE_ORDER', undefined, 'PCI_BUS_ID'); // as nvidia-smi counts
  set('CUDA_CACHE_MAXSIZE', undefined, String(4 * 2 ** 30)); // kernels compiled for a new card exceed the default
  set('CUDA_VISIBLE_DEVICES', visibleDevice);
  return () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
  };
}

function visibleDeviceAt(device: number): string {
  const visible = process.env.CUDA_VISIBLE_DEVICES;
  const chosen = visible === undefined ? String(device) : visible.split(',')[device];
  if (chosen === undefined) {
    throw new Error(
      `device ${device} is not one of the visible GPUs: CUDA_VISIBLE_DEVICES is ${JSON.stringify(visible)}.`,
    );
  }
  return chosen;
}
