import * as tf from '@tensorflow/tfjs';
import {setLearningRate} from '../../src/index.js';

/** Pseudorandom choices, the same for the same seed. */
export class Dice {
  constructor(private state: number) {}

  /** From 0 to 1 (Mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below the limit. */
  below = (limit: number) => Math.floor(this.next() * limit);
  chance = (probability: number) => this.next() < probability;
  pick = <T>(some: readonly T[]): T => some[this.below(some.length)]!;
  tensor = <S extends tf.Tensor>(shape: number[]): S =>
    tf.tensor(
      Array.from({length: tf.util.sizeFromShape(shape)}, () => 2 * this.next() - 1),
      shape,
    ) as unknown as S;
  /** So many of what `make` makes, at least one. */
  some = <T>(most: number, make: () => T): T[] => Array.from({length: 1 + this.below(most)}, make);
}

/** Channels of rows; the numbers of rows of a batch. */
const WIDTH = 4;
const TABLE_ROWS = 6;

export type Result = tf.Tensor | Result[] | {[key: string]: Result};

/** A training step with what it works on, and the calls that it is to get: all made from one seed. */
export interface RandomStep {
  step: (x: tf.Tensor, indices: tf.Tensor) => Result;
  /** What it is given, call by call: `x` and indices of as many rows. */
  calls: {between: () => Promise<void>; inputs: () => [tf.Tensor, tf.Tensor]; looks: boolean; tidy: boolean}[];
  /** Whether it does what no graph repeats. */
  isRefused: boolean;
  variables: () => tf.Variable[];
  optimizers: tf.Optimizer[];
  /** Tensors that were there before the step. */
  outside: tf.Tensor[];
}

type Forward = (x: tf.Tensor, indices: tf.Tensor) => tf.Tensor;
type Statement = (x: tf.Tensor, indices: tf.Tensor) => tf.Tensor | undefined;

/** Makes a step from a seed: twice the same for the same one, on variables of its own. */
export function randomStep(seed: number): RandomStep {
  const dice = new Dice(seed);
  const isImages = dice.chance(0.2);
  const weights = {
    matrices: dice.some(2, () => tf.variable(dice.tensor<tf.Tensor2D>([WIDTH, WIDTH]))),
    vectors: Array.from({length: 2 + dice.below(2)}, () => tf.variable(dice.tensor<tf.Tensor1D>([WIDTH]))),
    table: tf.variable(dice.tensor<tf.Tensor2D>([TABLE_ROWS, WIDTH])),
  };
  const layers: tf.layers.Layer[] = [];
  const outside = dice.some(2, () => dice.tensor([WIDTH]));
  const forwards = dice.some(2, () => (isImages ? onImages(dice, layers) : onRows(dice, weights, layers, outside)));
  const optimizers = dice.some(2, () => optimizer(dice));
  const size = isImages ? dice.pick([8, 16]) : 0;
  const batches = isImages ? [4] : dice.chance(0.3) ? [3, 5] : [3];
  // Layers make their weights when they run first.
  tf.tidy(() => forwards.forEach(forward => forward(...inputsOf(dice, batches[0]!, size))));
  const own = isImages ? weights.vectors : [...weights.matrices, ...weights.vectors, weights.table];
  const ofLayers = layers.flatMap(layer => layer.weights.map(weight => weight.read() as tf.Variable));
  const trained = [
    ...(isImages ? [] : own),
    ...layers.flatMap(layer => layer.trainableWeights.map(weight => weight.read() as tf.Variable)),
  ];
  const statement = () => anyStatement(dice, forwards, optimizers, trained, weights.vectors);
  const statements = dice.some(isImages ? 2 : 4, statement);
  const refused = dice.chance(0.06) ? dice.pick([randomNumbers(), reading]) : undefined;
  if (refused) statements.push(refused);
  const returned = result(dice, forwards[0]!, own, outside);
  const isTidy = dice.chance(0.5);
  const run = (x: tf.Tensor, indices: tf.Tensor) => {
    const losses = statements.flatMap(one => one(x, indices) ?? []);
    return returned(x, indices, losses);
  };
  const between = () => {
    const action = dice.chance(0.3) ? anyChange(dice, own, layers, optimizers) : undefined;
    return async () => action?.();
  };
  const count = 6 + dice.below(isImages ? 2 : 8);
  return {
    step: isTidy ? (x, indices) => tf.tidy(() => run(x, indices) as tf.Tensor) : run,
    calls: Array.from({length: count}, () => {
      const rows = dice.pick(batches);
      const seed = dice.below(1e9);
      const given = () => inputsOf(new Dice(seed), rows, size);
      return {between: between(), inputs: given, looks: dice.chance(0.4), tidy: !isTidy || dice.chance(0.5)};
    }),
    isRefused: refused !== undefined,
    variables: () => [...weights.matrices, ...weights.vectors, weights.table, ...ofLayers],
    optimizers,
    outside,
  };
}

/** Rows, or images of this size, and an index for each. */
function inputsOf(dice: Dice, rows: number, size: number): [tf.Tensor, tf.Tensor] {
  const indices = Array.from({length: rows}, () => dice.below(TABLE_ROWS));
  return [dice.tensor(size > 0 ? [rows, size, size, 3] : [rows, WIDTH]), tf.tensor1d(indices, 'int32')];
}

interface Weights {
  matrices: tf.Variable[];
  vectors: tf.Variable[];
  table: tf.Variable;
}

/** Rows of 4 channels to such rows. */
function onRows(dice: Dice, weights: Weights, layers: tf.layers.Layer[], outside: tf.Tensor[]): Forward {
  type Op = (rows: tf.Tensor, x: tf.Tensor, indices: tf.Tensor) => tf.Tensor;
  const layer = (made: tf.layers.Layer): Op => {
    layers.push(made);
    return rows => made.apply(rows, {training: true}) as tf.Tensor;
  };
  const initializer = () => tf.initializers.glorotUniform({seed: 1 + dice.below(1000)});
  const op = (): Op => {
    const [matrix, vector, constant] = [dice.pick(weights.matrices), dice.pick(weights.vectors), dice.pick(outside)];
    const number = dice.pick([0.5, 1, -0.7, 2]);
    return dice.pick<() => Op>([
      () => rows => tf.matMul(rows, matrix),
      () => rows => tf.tanh(tf.add(tf.matMul(rows as tf.Tensor2D, matrix as tf.Tensor2D), vector)),
      () => rows => tf.add(rows, vector),
      () => rows => tf.mul(rows, vector),
      () => rows => tf.mul(rows, constant),
      () => rows => tf.mul(rows, number),
      () => (rows, x) => tf.add(rows, x),
      () => rows => tf.softmax(rows),
      () => rows => tf.leakyRelu(rows, 0.2),
      () => rows => tf.softplus(rows),
      () => rows => tf.sub(rows, tf.mean(rows, 0, true)),
      () => rows => tf.pow(tf.add(tf.abs(rows), 0.5), 1.5),
      () => rows => tf.div(rows, tf.sqrt(tf.add(tf.mean(tf.square(rows), 1, true), 0.1))),
      () => rows => tf.concat([tf.slice(rows, [0, 2], [-1, 2]), tf.slice(rows, [0, 0], [-1, 2])], 1),
      () => rows => tf.concat(tf.split(rows, 2, 1).reverse(), 1),
      () => (rows, x) => tf.where(tf.greater(x, 0), rows, tf.mul(rows, 0.3)),
      () => (rows, _, indices) => tf.add(rows, tf.gather(weights.table, indices as tf.Tensor1D)),
      () => (rows, _, indices) =>
        tf.add(rows, tf.mul(vector, tf.expandDims(tf.cast(tf.oneHot(indices as tf.Tensor1D, 2), 'float32').sum(1), 1))),
      () => rows => (rows.shape[0] > 3 ? tf.tanh(rows) : tf.sigmoid(rows)),
      // Numbers drawn anew at every call, of which nothing can be seen.
      () => rows => tf.mul(rows, tf.ceil(tf.randomUniform(rows.shape, 0.5, 1))),
      () => rows => tf.add(rows, tf.cast(tf.randomUniform(rows.shape, 0, 1, 'int32'), 'float32')),
      () => rows => {
        const noise = tf.randomNormal(rows.shape);
        return tf.sub(tf.add(rows, noise), noise);
      },
      () => rows => tf.mul(rows, tf.sign(tf.add(tf.dropout(tf.onesLike(rows), number === 0.5 ? 0.5 : 0.1), 1))),
      () => layer(tf.layers.dense({units: WIDTH, activation: 'tanh', kernelInitializer: initializer()})),
      () => layer(tf.layers.batchNormalization({momentum: 0.9, epsilon: 0.1})),
    ])();
  };
  const ops = [...dice.some(4, op), dice.pick(weights.vectors)];
  return (x, indices) =>
    ops.reduce<tf.Tensor>(
      (rows, one) => (one instanceof tf.Variable ? tf.tanh(tf.add(rows, one)) : one(rows, x, indices)),
      x,
    );
}

/** Images to images, by convolutions that captured steps replace and others. */
function onImages(dice: Dice, layers: tf.layers.Layer[]): Forward {
  const layer = (made: tf.layers.Layer) => {
    layers.push(made);
    return (x: tf.Tensor) => made.apply(x, {training: true}) as tf.Tensor;
  };
  const convolution = (filters: number, rest = {}) =>
    layer(
      tf.layers.conv2d({
        filters,
        kernelSize: 3,
        padding: 'same',
        kernelInitializer: tf.initializers.glorotUniform({seed: 1 + dice.below(1000)}),
        ...rest,
      }),
    );
  const leaky = (x: tf.Tensor) => tf.leakyRelu(x, 0.2);
  const channels = dice.pick([8, 16]);
  const block = () =>
    dice.pick([
      () => [convolution(channels), leaky],
      () => [convolution(channels, {useBias: false})],
      () => [convolution(channels, {strides: 2}), leaky],
      () => [convolution(channels, {kernelSize: 1})],
      () => [layer(tf.layers.upSampling2d({size: [2, 2]})), convolution(channels), leaky],
      () => [layer(tf.layers.batchNormalization({momentum: 0.9, epsilon: 0.1}))],
      () => [(x: tf.Tensor) => tf.mul(x, tf.ceil(tf.randomUniform([x.shape[0], 1, 1, 1], 0.5, 1)))],
      () => [(x: tf.Tensor) => tf.depthToSpace(x as tf.Tensor4D, 2), convolution(channels)],
    ])();
  const ops = [
    convolution(channels),
    leaky,
    ...block(),
    ...(dice.chance(0.5) ? block() : []),
    convolution(dice.pick([1, 3, 16])),
  ];
  const half = dice.chance(0.3);
  return x => {
    const y = ops.reduce((images, one) => one(images), x);
    return half ? tf.split(y, 2)[0]! : y;
  };
}

/** Those whose steps depend on the sign of tiny gradients have a large epsilon: rounding would count. */
function optimizer(dice: Dice): tf.Optimizer {
  const rate = dice.pick([0.01, 0.03]);
  return dice.pick<() => tf.Optimizer>([
    () => tf.train.sgd(rate),
    () => tf.train.momentum(rate, 0.9, dice.chance(0.5)),
    () => tf.train.adam(rate, 0.9, 0.99, 0.1),
    () => tf.train.rmsprop(rate, 0.9, dice.pick([0, 0.5]), 0.1, dice.chance(0.3)),
    () => tf.train.adagrad(rate, 0.5),
    () => tf.train.adadelta(rate, 0.9, 0.1),
  ])();
}

function anyStatement(
  dice: Dice,
  forwards: Forward[],
  optimizers: tf.Optimizer[],
  trained: tf.Variable[],
  vectors: tf.Variable[],
): Statement {
  const [forward, used] = [dice.pick(forwards), dice.pick(optimizers)];
  const third = dice.pick(vectors);
  // Not the same: tfjs itself may lose the values of a variable that is assigned to itself.
  const first = dice.pick(vectors);
  const second = dice.pick(vectors.filter(one => one !== first));
  const loss = (x: tf.Tensor, indices: tf.Tensor) => tf.mean<tf.Scalar>(tf.square(forward(x, indices)));
  const copy = (variable: tf.Variable) => tf.clone(variable);
  const done = (run: () => void): undefined => void tf.tidy(run);
  const training: Statement = (x, indices) => used.minimize(() => loss(x, indices), true, trained)!;
  return dice.pick<Statement>([
    training,
    training,
    training,
    (x, indices) =>
      tf.tidy(() => {
        const {value, grads} = tf.variableGrads(() => loss(x, indices), trained);
        const clip = (one: tf.Tensor | undefined) => one && tf.clipByValue(one, -0.1, 0.1);
        used.applyGradients(trained.map(({name}) => ({name, tensor: clip(grads[name])!})));
        return value;
      }),
    () => done(() => first.assign(copy(second))),
    () => done(() => first.assign(second)),
    () => done(() => first.assign(tf.add(tf.mul(first, 0.9), tf.mul(second, 0.1)))),
    () =>
      done(() => {
        const [a, b] = [copy(first), copy(second)];
        first.assign(b);
        second.assign(a);
      }),
    () => done(() => first.assign(tf.tensor1d([0.1, 0.2, -0.3, 0.4]))),
    () => done(() => first.assign(tf.mul(second, tf.sign(tf.truncatedNormal(second.shape, 3, 1))))),
    x => done(() => first.assign(tf.tanh(tf.add(second, tf.mean(x))))),
    (x, indices) => {
      const before = tf.tidy(() => tf.sum(tf.mul(first, third)));
      training(x, indices)?.dispose();
      return before;
    },
    (x, indices) => (x.shape[0] > 3 ? training(x, indices) : done(() => first.assign(tf.mul(first, 0.5)))),
  ]);
}

function randomNumbers(): Statement {
  let call = 0;
  return x => tf.tidy(() => tf.mean(tf.mul(x, tf.randomNormal(x.shape, 0, 1, 'float32', ++call))));
}

const reading: Statement = x => tf.tidy(() => tf.scalar(tf.mean(x).dataSync()[0]! > 0 ? 1 : 2));

function result(dice: Dice, forward: Forward, variables: tf.Variable[], outside: tf.Tensor[]) {
  const [variable, constant] = [dice.pick(variables), dice.pick(outside)];
  const all: ((x: tf.Tensor, indices: tf.Tensor, losses: tf.Tensor[]) => Result)[] = [
    (_x, _indices, losses) => losses,
    (x, indices) => tf.tidy(() => forward(x, indices)),
    x => x,
    () => variable,
    () => constant,
    () => tf.tidy(() => tf.mul(variable, 2)),
    () => tf.clone(variable),
    (_, indices) => ({indices, twice: tf.tidy(() => tf.add(indices, indices))}),
  ];
  const parts = [all[0]!, ...dice.some(3, () => dice.pick(all))];
  return (x: tf.Tensor, indices: tf.Tensor, losses: tf.Tensor[]): Result => parts.map(part => part(x, indices, losses));
}

/** What happens to the variables and the optimizers between two steps. */
function anyChange(dice: Dice, variables: tf.Variable[], layers: tf.layers.Layer[], optimizers: tf.Optimizer[]) {
  const [variable, optimizer] = [dice.pick(variables), dice.pick(optimizers)];
  const value = dice.tensor(variable.shape).arraySync();
  const factor = dice.pick([0.5, 0.9]);
  return dice.pick<() => void | Promise<void>>([
    () => tf.tidy(() => variable.assign(tf.tensor(value as number[], variable.shape))),
    () => tf.tidy(() => variable.assign(tf.mul(variable, factor))),
    () => void variable.dataSync(),
    () => setLearningRate(optimizer, 0.02 * factor),
    () => tf.tidy(() => layers.forEach(one => one.setWeights(one.getWeights().map(weight => tf.mul(weight, factor))))),
    async () => {
      const [count, ...state] = await optimizer.getWeights();
      const scaled = state.map(({name, tensor}) => ({name, tensor: tf.mul(tensor, factor)}));
      await optimizer.setWeights([count!, ...scaled]);
      tf.dispose([count!.tensor, scaled.map(({tensor}) => tensor)]);
    },
  ]);
}
