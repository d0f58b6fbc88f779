import * as tf from '@tensorflow/tfjs';

/** What is used of TensorFlow.js's engine. */
interface Engine {
  addTapeNode: (kernelName: string, inputs: Inputs, ...rest: unknown[]) => void;
  getTensorsForGradient: (...args: unknown[]) => (tf.Tensor | undefined)[];
}
type Inputs = Record<string, tf.Tensor | undefined>;

/** Lets inputs be left out where a gradient is taken, as the scale and the offset of `tf.batchNorm` may be (tfjs#2868). */
export function allowAbsentInputs(): void {
  const engine = tf.engine() as unknown as Engine;
  const addTapeNode = engine.addTapeNode.bind(engine);
  engine.addTapeNode = (kernelName, inputs, ...rest) => {
    const present = Object.entries(inputs).filter(([, input]) => input);
    addTapeNode(kernelName, Object.fromEntries(present), ...rest);
  };
  const getTensorsForGradient = engine.getTensorsForGradient.bind(engine);
  engine.getTensorsForGradient = (...args) => getTensorsForGradient(...args).filter(tensor => tensor);
}
