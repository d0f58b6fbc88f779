import {setTensorFlowEnvironment} from '../../dist/esm/node/backends/environment.js';

/**
 * Sets what TensorFlow reads when it starts before jest starts any test: the `process.env` that a test sees is jest's copy, and
 * TensorFlow reads the process's own.
 */
export default function () {
  setTensorFlowEnvironment({});
}
