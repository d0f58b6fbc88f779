import * as tf from '@tensorflow/tfjs';

/** What is used of TensorFlow.js's engine. */
interface Engine {
  state: {activeTape: TapeNode[]};
  addTapeNode: (
    kernelName: string,
    inputs: tf.NamedTensorMap,
    outputs: tf.Tensor[],
    ...rest: [Gradient, ...Saved]
  ) => void;
}
interface TapeNode {
  inputs: tf.NamedTensorMap;
  outputs: tf.Tensor[];
}
type Gradient = unknown;
type Saved = [saved: tf.Tensor[], attrs: unknown];

/**
 * Lets gradients that are formulas in the output, such as those of softmax, tanh and ELU, be differentiated again.
 *
 * TensorFlow.js puts the copy of an output that it saves for the gradient on the tape before the operation that the
 * output comes from. A later gradient through that copy ends there (tfjs#3252): it throws, or, where x enters by another
 * path too, silently lacks a term. Here the copy comes after the operation.
 */
export function connectSavedOutputs(): void {
  const engine = tf.engine() as unknown as Engine;
  const addTapeNode = engine.addTapeNode.bind(engine);
  engine.addTapeNode = (kernelName, inputs, outputs, gradient, saved, attrs) => {
    const tape = engine.state.activeTape;
    let first = tape.length;
    while (first > 0 && saved.includes(tape[first - 1]!.outputs[0]!)) first--;
    const copies = tape.splice(first);
    const ofOutput = ({inputs: {x}}: TapeNode) => outputs.includes(x!);
    tape.push(...copies.filter(copy => !ofOutput(copy)));
    addTapeNode(kernelName, inputs, outputs, gradient, saved, attrs);
    tape.push(...copies.filter(ofOutput));
  };
}
