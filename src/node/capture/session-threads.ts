import {availableParallelism} from 'node:os';
import Pbf from 'pbf';

/** Read by `tensorflow/session_options.cc`, which is compiled into the binding by `tfjs-ragan setup`. */
const SESSION_CONFIG = 'TFJS_RAGAN_SESSION_CONFIG';

/**
 * Calls `make`, which makes a session, so that on a processor two ops run side by side, each on half of the threads: both
 * gradients of a convolution, or both halves of a batch. An op on all threads at once spends much of its time waiting for
 * them to begin and end.
 *
 * A binding that setup did not compile makes its session with TensorFlow's defaults.
 */
export function withSessionThreads<T>(make: () => T): T {
  const threads = Number(process.env.TF_NUM_INTRAOP_THREADS) || availableParallelism();
  // TensorFlow's core/protobuf/config.proto.
  const config = new Pbf();
  config.writeVarintField(2, Math.ceil(threads / 2)); // intra_op_parallelism_threads
  config.writeVarintField(5, threads); // inter_op_parallelism_threads
  config.writeBooleanField(9, true); // use_per_session_threads
  process.env[SESSION_CONFIG] = Buffer.from(config.finish()).toString('hex');
  try {
    return make();
  } finally {
    delete process.env[SESSION_CONFIG];
  }
}
