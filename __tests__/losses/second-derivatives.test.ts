import * as tf from '@tensorflow/tfjs';
import type {Axis, Criterion, GanLoss} from 'tfjs-ragan';
import {RelativisticAverageLoss, RelativisticPairedLoss, StandardLoss} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

/** Two samples with a map of 2 x 2 logits each; no margin is near the hinge's corner. */
const shape = [2, 2, 2, 1];
const logits = {
  real: [0.3, -0.7, 1.9, 0.45, -1.27, 0.8, 0.15, 2.4],
  fake: [0.4, -1.1, 0.2, 0.9, 1.6, -0.35, -2.2, 0.75],
};
const direction = [0.5, -1, 2, 0.25, -0.75, 1, 1.5, -0.5];
const weights = [1, 0, 3, 0.5, 2, 1, 1, 0.25];
const sides = ['discriminator', 'generator'] as const;
const kinds = ['real', 'fake'] as const;
const criteria: Criterion[] = ['crossEntropy', 'leastSquares', 'hinge', 'wasserstein'];

type Logits = Record<'real' | 'fake', number[]>;
type Side = (typeof sides)[number];

/** The loss in float64, its averages those of `averaged`. */
type Oracle = (side: Side, {real, fake}: Logits, averaged: Logits) => number[];

const penalties: Record<Criterion, (x: number) => number> = {
  crossEntropy: x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  leastSquares: x => (x + 1) ** 2,
  hinge: x => Math.max(0, 1 + x),
  wasserstein: x => x,
};

/** The logits that each logit is averaged with. */
const members: Record<string, (i: number) => number[]> = {
  batch: i => [i % 4, (i % 4) + 4],
  spatial: i => [0, 1, 2, 3].map(j => j + 4 * Math.floor(i / 4)),
  all: () => [0, 1, 2, 3, 4, 5, 6, 7],
  '1': i => [0, 2].map(j => 4 * Math.floor(i / 4) + j + (i % 2)),
};

function averageOracle(criterion: Criterion, axis: Axis): Oracle {
  const p = penalties[criterion];
  const average = (values: number[], i: number) =>
    members[String(axis)]!(i).reduce((sum, j, _, {length}) => sum + values[j]! / length, 0);
  return (side, {real, fake}, averaged) => {
    const [high, low] = side === 'discriminator' ? [real, fake] : [fake, real];
    const [ofHigh, ofLow] = side === 'discriminator' ? [averaged.real, averaged.fake] : [averaged.fake, averaged.real];
    return high.map((value, i) => p(average(ofLow, i) - value) + p(low[i]! - average(ofHigh, i)));
  };
}

function pairedOracle(criterion: Criterion): Oracle {
  const p = penalties[criterion];
  return (side, {real, fake}) =>
    real.map((value, i) => (side === 'discriminator' ? p(fake[i]! - value) : p(value - fake[i]!)));
}

function standardOracle(criterion: Criterion): Oracle {
  const p = penalties[criterion];
  const ofFake = criterion === 'leastSquares' ? (x: number) => x ** 2 : p;
  return (side, {real, fake}) =>
    real.map((value, i) => {
      if (side === 'discriminator') return p(-value) + ofFake(fake[i]!);
      return criterion === 'hinge' ? -fake[i]! : p(-fake[i]!);
    });
}

interface Case {
  name: string;
  loss: GanLoss;
  oracle: Oracle;
  detached?: boolean;
}

const cases = criteria.flatMap((criterion): Case[] => [
  ...(['batch', 'spatial', 'all', 1] as Axis[]).flatMap(axis =>
    [false, true].map(detached => ({
      name: `average over ${String(axis)}${detached ? ', detached' : ''}, ${criterion}`,
      loss: new RelativisticAverageLoss({criterion, axis, detachAverage: detached}),
      oracle: averageOracle(criterion, axis),
      detached,
    })),
  ),
  {name: `paired, ${criterion}`, loss: new RelativisticPairedLoss({criterion}), oracle: pairedOracle(criterion)},
  {name: `standard, ${criterion}`, loss: new StandardLoss({criterion}), oracle: standardOracle(criterion)},
]);

/** The mean of the elements, or their weighted mean, as `tf.losses.computeWeightedLoss` has it. */
function reduce(elements: number[], weighted: boolean): number {
  const weight = (i: number) => (weighted ? weights[i]! : 1);
  const total = elements.reduce((sum, _, i) => sum + weight(i), 0);
  return elements.reduce((sum, element, i) => sum + element * weight(i), 0) / total;
}

/** By central differences in float64: the derivative by each of `outer`'s logits of the slope along `direction` in `inner`'s. */
function differences(
  {oracle, detached}: Case,
  side: Side,
  inner: keyof Logits,
  outer: keyof Logits,
  weighted: boolean,
) {
  const h = 1e-3;
  const moved = (from: Logits, kind: keyof Logits, by: (i: number) => number) => ({
    ...from,
    [kind]: from[kind].map((value, i) => value + by(i)),
  });
  return logits[outer].map((_, i) => {
    const at = (along: number, single: number) => {
      const point = moved(
        moved(logits, inner, j => along * direction[j]!),
        outer,
        j => (i === j ? single : 0),
      );
      return reduce(oracle(side, point, detached ? logits : point), weighted);
    };
    return (at(h, h) - at(h, -h) - at(-h, h) + at(-h, -h)) / (4 * h * h);
  });
}

describeOnBackends('second derivatives are those of finite differences', () => {
  const tensor = (values: number[]) => tf.tensor(values, shape);

  test.each(cases)('$name', async one => {
    for (const weighted of [false, true]) {
      const weight = weighted ? tensor(weights) : undefined;
      for (const side of sides) {
        for (const inner of kinds) {
          for (const outer of kinds) {
            const slope = (at: Record<'real' | 'fake', tf.Tensor>) => {
              const loss = (x: tf.Tensor) => {
                const point = {...at, [inner]: x};
                return one.loss[side](point.real, point.fake, weight);
              };
              return tf.sum<tf.Scalar>(tf.mul(tf.grad(loss)(at[inner]), tensor(direction)));
            };
            const point = {real: tensor(logits.real), fake: tensor(logits.fake)};
            const actual = await valuesOf(tf.grad(x => slope({...point, [outer]: x}))(point[outer]));
            const expected = differences(one, side, inner, outer, weighted);
            // Where all are zero there is no size to compare with; none here is above 1 or so.
            expectClose([...actual, 1], [...expected, 1], 1e-5);
          }
        }
      }
    }
  });
});
