import * as tf from '@tensorflow/tfjs';
import {NonFiniteError, firstNonFinite} from '../finite.js';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {GAN} from './gan.js';
import type {NamedTensor} from './optimizer-state.js';
import {optimizerState, setOptimizerState} from './optimizer-state.js';
import {layerWeights} from './variables.js';

/** What training goes on from, by names of your own; of a GAN, see `GAN.trained`. */
export interface Checkpointed {
  /** Their weights are kept, by position. */
  models: Record<string, tf.LayersModel>;
  /** What they have accumulated is kept; learning rates are not. */
  optimizers: Record<string, tf.Optimizer>;
  /** Further values that change as training goes on. Default none. */
  variables?: Record<string, tf.Variable>;
}

const CHECKPOINTED: OptionNames<Checkpointed> = {models: true, optimizers: true, variables: true};

/** A tensor of a checkpoint. */
export interface CheckpointEntry {
  /** The model, optimizer or variable that it is of. */
  owner: string;
  name: string;
  shape: number[];
  dtype: tf.DataType;
  /**
   * Of a model's weight: its place among the weights layer by layer. They come as `model.weights` has them, the trainable
   * ones first, which is all that 0.1 knew, and which is another order once a layer is frozen.
   */
  place?: number;
}

/** All of a checkpoint that is no tensor: plain JSON. */
export interface CheckpointHeader {
  /** What the caller keeps with it. */
  state: unknown;
  /** The optimizers' class names. */
  optimizers: Record<string, string>;
  entries: CheckpointEntry[];
  /** A GAN's: see `GAN.counters`. */
  counters?: Record<string, number>;
  /** How good it is, where that was measured. */
  metric?: CheckpointMetric;
}

/** A number by which checkpoints are compared. */
export interface CheckpointMetric {
  name: string;
  value: number;
}

/** A checkpoint in memory, wherever it is kept: the values of the header's entries, in their order. */
export interface CheckpointContent {
  header: CheckpointHeader;
  values: tf.TypedArray[];
}

/**
 * Takes models, optimizers and `state` (anything JSON can hold) out of training; `where` names the place that they go to.
 *
 * @throws if a weight or state holds NaN or Infinity.
 */
export async function takeCheckpoint(
  where: string,
  what: GAN | Checkpointed,
  state: unknown,
): Promise<CheckpointContent> {
  const {models, optimizers, variables = {}} = trainedOf('saveCheckpoint', what);
  const entries: CheckpointEntry[] = [];
  const values: tf.TypedArray[] = [];
  const add = async (owner: string, name: string, tensor: tf.Tensor, place?: number) => {
    const {shape, dtype} = tensor;
    if (dtype !== 'float32' && dtype !== 'int32') {
      throw new Error(`cannot write ${where}: ${owner}'s ${name} is ${dtype}; a checkpoint holds float32 and int32`);
    }
    // A copy: on some backends the values are a view that moves.
    const data = (await tensor.data()).slice();
    const bad = firstNonFinite(data);
    if (bad !== undefined) {
      const found = `${owner}'s ${name} holds ${bad}`;
      throw new NonFiniteError(`cannot write ${where}: ${found}`, found);
    }
    entries.push({owner, name, shape, dtype, ...(place !== undefined && {place})});
    values.push(data);
  };
  for (const [owner, model] of Object.entries(models)) {
    const places = layerWeights(model);
    for (const weight of model.weights) await add(owner, weight.originalName, weight.read(), places.indexOf(weight));
  }
  for (const [owner, optimizer] of Object.entries(optimizers)) {
    const {moments, scalars, free} = await optimizerState(optimizer);
    try {
      for (const {name, tensor} of moments) await add(owner, name, tensor);
    } finally {
      free();
    }
    for (const {name, tensor} of scalars) await add(`${owner} powers`, name, tensor);
  }
  for (const [owner, variable] of Object.entries(variables)) await add(owner, owner, variable);
  const classNames = Object.entries(optimizers).map(([owner, optimizer]) => [owner, optimizer.getClassName()] as const);
  return {
    header: {
      state,
      optimizers: Object.fromEntries(classNames),
      entries,
      ...(isGan(what) ? {counters: what.counters} : {}),
    },
    values,
  };
}

/**
 * Puts a checkpoint into models and optimizers built as those were that it was taken of. Nothing changes unless everything
 * fits.
 *
 * @throws one line naming `where`: it holds NaN or Infinity, is of other models or optimizers, or has an average of the
 *   weights where the GAN keeps none.
 */
export async function putCheckpoint(
  where: string,
  what: GAN | Checkpointed,
  content: CheckpointContent,
): Promise<void> {
  const trained = trainedOf('loadCheckpoint', what);
  const {header, values} = isGan(what) ? withAverage(trained, content) : content;
  const {models, optimizers, variables = {}} = trained;
  const refuse = (reason: string) => {
    throw new Error(`cannot resume from ${where}: ${reason}`);
  };
  header.entries.forEach(({owner, name}, i) => {
    const bad = firstNonFinite(values[i]!);
    if (bad !== undefined) refuse(`${owner}'s ${name} holds ${bad}`);
  });
  const entriesOf = (owner: string) =>
    header.entries.flatMap((entry, i) => (entry.owner === owner ? [{...entry, values: values[i]!}] : []));
  const targetsOf = (owner: string, model: tf.LayersModel) => {
    const places = layerWeights(model);
    return entriesOf(owner).map(({place}, i) => (place === undefined ? model.weights[i] : places[place]));
  };
  if (isGan(what) && !models.averagedGenerator && entriesOf('averagedGenerator').length > 0) {
    refuse("it has an average of the generator's weights, which would be lost; set weightAverage in compile()");
  }
  for (const [owner, model] of Object.entries(models)) {
    const [saved, targets] = [entriesOf(owner), targetsOf(owner, model)];
    const fits = saved.every(({shape}, i) => shape.join() === targets[i]?.shape.join());
    if (!fits || saved.length !== model.weights.length) {
      refuse(`its ${owner} is another network than the one asked for`);
    }
  }
  for (const [owner, optimizer] of Object.entries(optimizers)) {
    const found = header.optimizers[owner] ?? 'missing';
    if (found !== optimizer.getClassName()) refuse(`its ${owner} is ${found}, not ${optimizer.getClassName()}`);
  }
  for (const [owner, variable] of Object.entries(variables)) {
    if (entriesOf(owner)[0]?.shape.join() !== variable.shape.join())
      refuse(`it has no ${owner} like the one asked for`);
  }

  // What a captured step holds comes back, and is then replaced.
  if (isGan(what)) what.dispose();
  const tensorsOf = (owner: string): NamedTensor[] =>
    entriesOf(owner).map(({name, shape, dtype, values: data}) => ({name, tensor: tf.tensor(data, shape, dtype)}));
  const assign = (owner: string, targets: tf.Variable[]) => {
    const saved = tensorsOf(owner);
    targets.forEach((target, i) => target.assign(saved[i]!.tensor));
    tf.dispose(saved.map(({tensor}) => tensor));
  };
  for (const [owner, model] of Object.entries(models)) {
    const weights = targetsOf(owner, model).map(weight => weight!.read() as tf.Variable);
    assign(owner, weights);
  }
  for (const [owner, optimizer] of Object.entries(optimizers)) {
    const [moments, scalars] = [tensorsOf(owner), tensorsOf(`${owner} powers`).map(({tensor}) => tensor)];
    await setOptimizerState(optimizer, moments, scalars);
    tf.dispose([...moments.map(({tensor}) => tensor), ...scalars]);
  }
  if (isGan(what) && header.counters) what.counters = header.counters;
  // After the counters, by which some of them go.
  for (const [owner, variable] of Object.entries(variables)) assign(owner, [variable]);
}

/**
 * A checkpoint of a GAN that kept no average of its weights, for one that does: the average begins with the generator's
 * weights, after no step.
 */
function withAverage({models, variables = {}}: Checkpointed, content: CheckpointContent): CheckpointContent {
  const {header, values} = content;
  const has = (owner: string) => header.entries.some(entry => entry.owner === owner);
  if (!models.averagedGenerator || has('averagedGenerator')) return content;
  const entries = [...header.entries];
  const all = [...values];
  header.entries.forEach((entry, i) => {
    if (entry.owner !== 'generator') return;
    entries.push({...entry, owner: 'averagedGenerator'});
    all.push(values[i]!);
  });
  for (const [owner, {shape, dtype}] of Object.entries(variables)) {
    if (has(owner)) continue;
    entries.push({owner, name: owner, shape, dtype});
    all.push(new Float32Array(tf.util.sizeFromShape(shape)));
  }
  return {header: {...header, entries}, values: all};
}

function isGan(what: GAN | Checkpointed): what is GAN {
  // By what it can do: it may come from another copy of this package.
  return typeof (what as Partial<GAN> | undefined)?.trainOnBatch === 'function';
}

/** What training goes on from, of a GAN or as it is given. @throws if an option is unknown or the GAN is not compiled. */
export function trainedOf(owner: string, what: GAN | Checkpointed): Checkpointed {
  if (isGan(what)) return what.trained;
  requireKnownOptions(owner, what, CHECKPOINTED);
  return what;
}
