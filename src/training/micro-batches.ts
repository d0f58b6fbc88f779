import * as tf from '@tensorflow/tfjs';
import {localAveraging} from '../losses/averaging.js';
import type {GanLoss, LogitGradients} from '../losses/gan-loss.js';
import type {Inputs} from './inputs.js';
import {listOf, splitBatch, splitInputs} from './inputs.js';
import type {Noise} from './instance-noise.js';
import {addNoise, addNoiseToParts} from './instance-noise.js';
import type {Left} from './layer-state.js';
import {LayerState} from './layer-state.js';
import type {Logits} from './logits.js';
import {logitsOfOnePass, logitsOfTwoPasses} from './logits.js';
import type {Observed} from './observed.js';
import type {RunPiece} from './pieces.js';
import {runPiece} from './pieces.js';
import {generatorForward} from './recompute.js';
import {runStep} from './run-step.js';
import type {Gradients, Networks, Objective, Step} from './step.js';
import {criticOf} from './step.js';

/** How a step's critic judges real and fake samples: in one pass, or in a pass for each. */
export type CriticPasses = 'one' | 'separate';

type StepInputs = [xs: Inputs, ys: tf.Tensor, condition: tf.Tensor[], noise?: Noise];

/** A part of a batch. */
interface MicroBatch {
  start: number;
  samples: number;
}

/**
 * A step that takes a batch in parts of so many samples, the last of which may be smaller, and gives the losses and
 * gradients of the whole, in the memory of one part.
 *
 * The critic's logits for all parts come first, without a gradient tape, and nothing but them is kept. From all of them
 * follows where each part's backward pass starts, exactly: averages and reductions are the whole batch's. Then the step runs
 * part by part, with that in place of the loss, and its gradients add up. For that the networks' forward passes run
 * twice. What is a mean over samples, generator losses and penalties, counts by the part's share of them.
 *
 * Layers that mix the samples of a batch mix those of a part. Layers that draw random numbers do so for each part, and
 * again for its second pass.
 *
 * @param critic undefined for a step without the critic.
 * @param run runs the pieces `logits` and `part`, or `whole` for a batch that is small enough.
 */
export function inMicroBatches(
  step: Step,
  size: number,
  critic: CriticPasses | undefined,
  run: RunPiece = runPiece,
): Step {
  return (networks, objective, xs, ys, condition, noise) => {
    const {averaging} = objective;
    const batch = ys.shape[0];
    const tensors = [...listOf(xs), ys, ...listOf(condition), ...(noise ?? [])];
    const inputsOf = inputsLike(xs, condition);
    // Processes exchange the same sums, however many samples each has.
    if (batch <= size && averaging === localAveraging) {
      return run('whole', (...all) => step(networks, objective, ...inputsOf(all)), tensors);
    }
    const parts = Array.from({length: Math.ceil(batch / size)}, (_, i): MicroBatch => {
      return {start: i * size, samples: Math.min(size, batch - i * size)};
    });
    const state = new LayerState([networks.generator, networks.discriminator]);
    const sums = {
      losses: new Sums(),
      generator: new Sums(),
      discriminator: new Sums(),
      left: new Sums(),
      samples: new Sums(),
    };
    const wholeStep = () => {
      const logitsPiece = (...all: tf.Tensor[]) => logitsOf(networks, objective, state, critic!, inputsOf(all));
      const judged = critic && judgeAll(objective, tensors, parts, inputs => run('logits', logitsPiece, inputs));
      // Known before the parts' own sums, and asked for once, however many parts there are.
      const count = averaging === localAveraging ? batch : averaging.total(tf.scalar(0), batch).count;
      const ofPart = {...objective, averaging: {total: (sum: tf.Tensor) => ({sum, count})}};
      const partStep = (...all: tf.Tensor[]) => {
        const inputs = inputsOf(all.slice(0, tensors.length));
        const loss = critic && {loss: startingFrom(objective.loss, all.slice(tensors.length))};
        return tf.tidy(() => {
          const {result, left} = state.around(() => step(networks, {...ofPart, ...loss}, ...inputs));
          return {...result, left};
        });
      };
      for (const part of parts) {
        tf.tidy(() => {
          const inputs = [...tensors, ...(judged?.seeds ?? [])].map(whole => samplesOf(whole, part));
          const result = run('part', partStep, inputs, [count]);
          sums.losses.add(result.losses);
          sums.generator.add(result.generatorGradients);
          sums.discriminator.add(result.discriminatorGradients);
          sums.left.add(scaled(result.left, part.samples / batch));
          const {meanSquares, meanSamples} = result.observed;
          if (meanSquares && meanSamples) sums.samples.add(scaled({meanSquares, meanSamples}, part.samples / batch));
          tf.dispose({...result});
        });
      }
      if (averaging !== localAveraging) totalMeans(sums.losses, objective, count, batch);
      if (judged) sums.losses.replace(judged.losses);
      state.set(sums.left.values);
      tf.dispose(sums.left.values);
      return {
        losses: sums.losses.values as Record<string, tf.Scalar>,
        observed: objective.observe ? {...judged?.logits, ...sums.samples.values} : {},
        generatorGradients: sums.generator.values as Gradients,
        discriminatorGradients: sums.discriminator.values as Gradients,
      };
    };
    return runStep(wholeStep, () => Object.values(sums).map(({values}) => values));
  };
}

/** Sums by name, which are kept. */
class Sums {
  readonly values: tf.NamedTensorMap = {};

  add(values: tf.NamedTensorMap): void {
    for (const [name, value] of Object.entries(values)) {
      const sum = this.values[name];
      this.replace({[name]: sum ? tf.add(sum, value) : value});
    }
  }

  replace(values: tf.NamedTensorMap): void {
    for (const [name, value] of Object.entries(values)) {
      this.values[name]?.dispose();
      this.values[name] = tf.keep(tf.clone(value));
    }
  }
}

function scaled(values: Left, factor: number): Left {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tf.mul(value, factor)]));
}

/** Puts the inputs of a step apart again: the generator's, the real samples, the critic's condition, and the noise, if any. */
function inputsLike(xs: Inputs, condition?: Inputs): (all: tf.Tensor[]) => StepInputs {
  const count = listOf(xs).length;
  const end = count + 1 + listOf(condition).length;
  return all => {
    const own = [all.slice(0, count), all[count]!, all.slice(count + 1, end)] as const;
    return all.length > end ? [...own, [all[end]!, all[end + 1]!]] : [...own];
  };
}

function samplesOf(batch: tf.Tensor, {start, samples}: MicroBatch): tf.Tensor {
  const rest = batch.shape.slice(1);
  return tf.slice(batch, [start, ...rest.map(() => 0)], [samples, ...rest]);
}

/** What the adversarial loss makes of the whole batch. */
interface Judged {
  losses: Record<'discriminatorLoss' | 'generatorLoss', tf.Scalar>;
  logits: Required<Pick<Observed, 'realLogits' | 'fakeLogits'>>;
  /** The gradients with respect to all logits: see `startingFrom`. */
  seeds: tf.Tensor[];
}

/** @param logits those of a part. */
function judgeAll(
  {loss, averaging}: Objective,
  tensors: tf.Tensor[],
  parts: MicroBatch[],
  logits: (inputs: tf.Tensor[]) => Logits,
): Judged {
  const all = parts.map(part => tf.tidy(() => logits(tensors.map(whole => samplesOf(whole, part)))));
  const [real, fake] = [0, 1].map(side => tf.concat(all.map(ofPart => ofPart[side]!))) as Logits;
  const {discriminatorLoss, generatorLoss, ...gradients} = loss.withGradients(real, fake, {averaging});
  const {discriminatorReal, discriminatorFake, generatorFake} = gradients;
  return {
    losses: {discriminatorLoss, generatorLoss},
    logits: {realLogits: real, fakeLogits: fake},
    seeds: [discriminatorReal, discriminatorFake, generatorFake],
  };
}

/** A loss of which only the gradients are known; as its values it has zeros. */
function startingFrom(loss: GanLoss, seeds: tf.Tensor[]): GanLoss {
  const [discriminatorReal, discriminatorFake, generatorFake] = seeds as [tf.Tensor, tf.Tensor, tf.Tensor];
  const withGradients = (): LogitGradients => {
    const gradients = {discriminatorReal, discriminatorFake, generatorFake};
    return {discriminatorLoss: tf.scalar(0), generatorLoss: tf.scalar(0), ...gradients};
  };
  return Object.create(loss, {withGradients: {value: withGradients}}) as GanLoss;
}

/** By the same passes as the step's, from which layers may depend, and which leave nothing behind. */
function logitsOf(
  {generator, discriminator}: Networks,
  objective: Objective,
  state: LayerState,
  passes: CriticPasses,
  [xs, ys, condition, noise]: StepInputs,
): Logits {
  const compute = (): Logits => {
    const {lanes} = objective;
    const make = (inputs: Inputs) => tf.tidy(() => generatorForward(objective)(generator, inputs));
    const real = addNoise(ys, noise?.[0]);
    if (passes === 'separate') {
      return logitsOfTwoPasses(criticOf(discriminator, condition), real, addNoise(make(xs), noise?.[1]));
    }
    const fakes = addNoiseToParts(splitInputs(xs, lanes).map(make), noise?.[1]);
    return logitsOfOnePass(discriminator, splitBatch(real, lanes), fakes, condition, lanes);
  };
  return tf.tidy(() => state.around(compute).result);
}

/** The means over this batch's samples of generator losses and penalties as those over the samples of all processes. */
function totalMeans(
  losses: Sums,
  {generatorLosses, penalties = [], averaging}: Objective,
  count: number,
  samples: number,
): void {
  for (const {name} of [...generatorLosses, ...penalties]) {
    const own = losses.values[name];
    if (!own) continue;
    losses.replace({[name]: tf.div(averaging.total(tf.mul(own, count), samples).sum, count)});
  }
}
