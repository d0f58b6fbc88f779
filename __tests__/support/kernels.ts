import * as tf from '@tensorflow/tfjs';

/** What is used of TensorFlow.js's engine. */
interface Engine {
  runKernel: (name: string, ...rest: unknown[]) => unknown;
}

/** What `f` returns, and how often each kernel ran in it that runs as an operation, by its name. */
export async function countKernels<T>(f: () => T | Promise<T>): Promise<{result: T; kernels: Record<string, number>}> {
  const engine = tf.engine() as unknown as Engine;
  const kernels: Record<string, number> = {};
  const own = Object.getOwnPropertyDescriptor(engine, 'runKernel');
  const {runKernel} = engine;
  engine.runKernel = (name, ...rest) => {
    kernels[name] = (kernels[name] ?? 0) + 1;
    return runKernel.call(engine, name, ...rest);
  };
  try {
    return {result: await f(), kernels};
  } finally {
    if (own) Object.defineProperty(engine, 'runKernel', own);
    else delete (engine as Partial<Engine>).runKernel;
  }
}
