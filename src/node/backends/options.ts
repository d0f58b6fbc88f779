import type {OptionNames} from '../../options.js';

/** What `useBackend` can be told. TensorFlow takes it when it starts, once in a process. */
export interface BackendOptions {
  /** Threads of the wasm backend, 8 at most whatever more is asked for, or of TensorFlow on the CPU. Default: as many as the machine has cores. */
  threads?: number;
  /**
   * Which of the visible GPUs TensorFlow uses, from 0, as nvidia-smi counts them. Default: the first. This and the next
   * two are for `cuda` and `tensorflow`; `auto` passes them on to `cuda` alone.
   */
  device?: number;
  /** Whether TensorFlow takes GPU memory as it needs it, instead of all at once. Default: true. */
  memoryGrowth?: boolean;
  /**
   * The largest piece of GPU memory that TensorFlow asks the driver for, in MiB. That is as far as TensorFlow allows a
   * limit here: it asks for further pieces as it needs them, so that the sum may exceed it. Default: none.
   */
  memoryLimit?: number;
}

/** Their names. */
export const BACKEND_OPTIONS: OptionNames<BackendOptions> = {
  threads: true,
  device: true,
  memoryGrowth: true,
  memoryLimit: true,
};

/** What a backend says of itself once it is active. */
export interface StartedBackend {
  reason: string;
  threads?: number;
  /** True where a backend that is made for a GPU runs on the processor. `auto` does not take it. */
  software?: boolean;
}
