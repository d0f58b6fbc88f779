import {DTYPES} from './binding.js';
import type {AttrValue, GraphNode} from './graph-writer.js';
import type {FusedOptimizer} from './optimizers.js';
import type {RecordedUpdate, Source} from './recording.js';

/** The graph that an update becomes part of. Values are named by their node and output, `name:0`. */
export interface UpdateGraph {
  add: (name: string, op: string, inputs: string[], attributes: GraphNode['attributes']) => string;
  /** The optimizer's setting of this number, as it is fed. */
  setting: (index: number) => string;
  /** The value of a variable after the updates so far. */
  read: (variable: number) => string;
  value: (source: Source) => string;
  /** Adds an op that changes these variables, after whatever it must wait for. */
  write: (variables: number[], add: (controls: string[]) => string) => void;
  resource: (variable: number) => string;
}

const FLOAT: AttrValue = {type: DTYPES.float32!};

/** Adds an optimizer's update to a graph: one op per variable, and for Adam the powers of its decay rates. */
export function emitUpdate(update: RecordedUpdate, op: FusedOptimizer['op'], graph: UpdateGraph): void {
  const {add, setting} = graph;
  const math = (name: string, kind: string, inputs: string[]) => add(name, kind, inputs, {T: FLOAT});
  /** One op per variable, its arguments after the variable, its slots and before the gradient. */
  const apply = (middle: string[], last: string[] = [], attributes: GraphNode['attributes'] = {}) => {
    for (const {variable, slots, gradient} of update.updates) {
      const written = [variable, ...slots];
      const inputs = [...written.map(one => graph.resource(one)), ...middle, graph.value(gradient), ...last];
      graph.write(written, controls => add(`${variable}`, op, [...inputs, ...controls], {T: FLOAT, ...attributes}));
    }
  };
  switch (op) {
    case 'ResourceApplyGradientDescent':
      apply([math('rate', 'Neg', [setting(0)])]);
      break;
    case 'ResourceApplyMomentum':
      apply([math('rate', 'Neg', [setting(0)])], [setting(1)], {use_nesterov: {bool: update.nesterov}});
      break;
    case 'ResourceApplyRMSProp':
      apply([0, 1, 2, 3].map(setting));
      break;
    case 'ResourceApplyAdam':
      applyAdam(update, graph, math, apply);
  }
}

function applyAdam(
  {shared}: RecordedUpdate,
  {add, setting, read, write, resource}: UpdateGraph,
  math: (name: string, kind: string, inputs: string[]) => string,
  apply: (middle: string[]) => void,
): void {
  const [power1, power2] = shared.map(read) as [string, string];
  const one = add('one', 'Const', [], {
    dtype: FLOAT,
    value: {tensor: {shape: [], dtype: DTYPES.float32!, bytes: new Uint8Array(Float32Array.of(1).buffer)}},
  });
  // TensorFlow adds epsilon before it corrects the bias of the second moment, tfjs after.
  const correction = math('correction', 'Sqrt', [math('rest', 'Sub', [one, power2])]);
  apply([power1, power2, setting(0), setting(1), setting(2), math('epsilon', 'Mul', [setting(3), correction])]);
  shared.forEach((variable, i) => {
    const next = math(`power${i}`, 'Mul', [read(variable), setting(1 + i)]);
    write([variable], controls =>
      add(`set${i}`, 'AssignVariableOp', [resource(variable), next, ...controls], {dtype: FLOAT}),
    );
  });
}
