import type {BackendOptions} from './backend.js';

/** CUDA_VISIBLE_DEVICES as the user had it: it is asked again where one package does not load and the next is tried. */
let usersVisibleDevices: string | undefined;
let asked = false;

/**
 * Sets the environment variables that TensorFlow reads when it starts; it has no other handles here. What the user set
 * stays, unless an option says otherwise.
 *
 * @throws if `device` is not one of the visible GPUs.
 */
export function setTensorFlowEnvironment({threads, device, memoryGrowth, memoryLimit}: BackendOptions): void {
  const {env} = process;
  if (!asked) usersVisibleDevices = env.CUDA_VISIBLE_DEVICES;
  asked = true;
  const set = (name: string, chosen: number | boolean | undefined, otherwise?: string) => {
    if (chosen !== undefined) env[name] = String(chosen);
    else if (otherwise !== undefined) env[name] ??= otherwise;
  };
  set('TF_CPP_MIN_LOG_LEVEL', undefined, '2'); // errors only
  set('TF_NUM_INTRAOP_THREADS', threads);
  set('TF_FORCE_GPU_ALLOW_GROWTH', memoryGrowth, 'true');
  set('TF_PER_DEVICE_MEMORY_LIMIT_MB', memoryLimit);
  set('CUDA_DEVICE_ORDER', undefined, 'PCI_BUS_ID'); // as nvidia-smi counts
  set('CUDA_CACHE_MAXSIZE', undefined, String(4 * 2 ** 30)); // kernels compiled for a new card exceed the default
  if (device !== undefined) {
    const visible = usersVisibleDevices?.split(',');
    const chosen = visible ? visible[device] : String(device);
    if (chosen === undefined) {
      throw new Error(
        `device ${device} is not one of the visible GPUs: CUDA_VISIBLE_DEVICES is ${JSON.stringify(usersVisibleDevices)}.`,
      );
    }
    env.CUDA_VISIBLE_DEVICES = chosen;
  }
}
