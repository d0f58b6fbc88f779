import {availableParallelism} from 'node:os';
import Pbf from 'pbf';
import {message} from '../system/protobuf.js';

/** Read by `native/session_options.cc`, which is compiled into the binding by `tfjs-ragan setup`. */
const SESSION_CONFIG = 'TFJS_RAGAN_SESSION_CONFIG';

/** Of RewriterConfig.Toggle, in core/protobuf/rewriter_config.proto. */
const OFF = 2;

/**
 * Calls `make`, which makes a session, with options for a training step.
 *
 * On a processor two ops run side by side, each on half of the threads: both gradients of a convolution, or both halves of
 * a batch. An op on all threads at once spends much of its time waiting for them to begin and end. And TensorFlow goes over
 * the graph once before its first run, not twice, which saves a second for 20,000 nodes and costs nothing later. It folds
 * no constants on the way: that turns (x + c) - c into x, division by a number into multiplication by its reciprocal, and a
 * product with zeros into zeros, which is something else where values are large or not finite.
 *
 * A binding that setup did not compile makes its session with TensorFlow's defaults.
 */
export function withSessionOptions<T>(make: () => T): T {
  const threads = allThreads();
  // TensorFlow's core/protobuf/config.proto.
  const config = new Pbf();
  config.writeVarintField(2, threadsOfAnOp()); // intra_op_parallelism_threads
  config.writeVarintField(5, threads); // inter_op_parallelism_threads
  config.writeBooleanField(9, true); // use_per_session_threads
  message(config, 10, graph =>
    message(graph, 10, rewriter => {
      rewriter.writeVarintField(12, 1); // meta_optimizer_iterations
      rewriter.writeVarintField(3, OFF); // constant_folding
    }),
  );
  process.env[SESSION_CONFIG] = Buffer.from(config.finish()).toString('hex');
  try {
    return make();
  } finally {
    delete process.env[SESSION_CONFIG];
  }
}

/** How many threads one op of a captured step has on a processor. */
export function threadsOfAnOp(): number {
  return Math.ceil(allThreads() / 2);
}

function allThreads(): number {
  return Number(process.env.TF_NUM_INTRAOP_THREADS) || availableParallelism();
}
