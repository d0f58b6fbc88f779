import type {Kernel, WasmBackend} from './kernel.js';

/**
 * A second owner of the same values. The backend's own kernel copies them, and the gradient tape makes such a clone of
 * everything it saves.
 */
export const identity: Kernel = (inputs, _, backend) => {
  const x = inputs.x!;
  (backend as WasmBackend & {incRef(dataId: object): void}).incRef(x.dataId);
  return {dataId: x.dataId, shape: x.shape, dtype: x.dtype};
};
