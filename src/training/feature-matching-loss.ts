import * as tf from '@tensorflow/tfjs';
import {registerGradients} from '../gradients/register.js';
import type {Features} from '../models/vgg19-features.js';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {FeatureCriterion} from './feature-loss.js';
import {featureLoss} from './feature-loss.js';
import type {LayerGraph, Values} from './layer-graph.js';
import {layerGraph, runCall} from './layer-graph.js';
import type {GeneratorLoss} from './step.js';

/** What `featureMatchingLoss` can be told. */
export interface FeatureMatchingLossOptions {
  /** Whose features are compared: mostly the GAN's own discriminator. It takes samples alone, without a condition. */
  critic: tf.LayersModel;
  /**
   * The weight of each layer whose output is compared, by its name. Default, as in pix2pixHD: 1 for whatever a layer with a
   * kernel works on but the samples themselves, which are the outputs of the critic's activations.
   */
  layers?: Record<string, number>;
  /** Default `'l1'`, as in pix2pixHD. */
  criterion?: FeatureCriterion;
}

const FEATURE_MATCHING_LOSS_OPTIONS: OptionNames<FeatureMatchingLossOptions> = {
  critic: true,
  layers: true,
  criterion: true,
};

/**
 * A perceptual loss that needs no weights of others, for the `loss` of a generator loss: the features are the critic's own, the
 * sum over its layers k of w_k mean |f_k(output) - f_k(target)|. pix2pixHD weighs it by 10.
 *
 * The critic runs as in inference: batch normalisation by its averages, and spectral normalisation by its vectors as they are.
 * The gradient goes to the output alone; none of the critic's weights is computed, and this loss moves none.
 *
 * @throws if an option is unknown or out of range, the critic is not made of layers or takes a condition, has no layer of such a
 *   name, or nothing between its first layer and its last; when called, if the shapes differ.
 * @example
 * const loss = featureMatchingLoss({critic: gan.discriminator});
 * gan.compile({...options, generatorLosses: [{name: 'features', weight: 10, loss}]});
 *
 * Salimans et al., "Improved Techniques for Training GANs", 2016, https://arxiv.org/abs/1606.03498; layer by layer: Wang et al.,
 * "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs" (pix2pixHD), 2017,
 * https://arxiv.org/abs/1711.11585
 */
export function featureMatchingLoss(options: FeatureMatchingLossOptions): GeneratorLoss['loss'] {
  requireKnownOptions('featureMatchingLoss', options, FEATURE_MATCHING_LOSS_OPTIONS);
  const {critic, criterion = 'l1'} = options;
  const graph = graphOf(critic);
  const layers = options.layers ?? layersBetween(graph);
  const loss = featureLoss('featureMatchingLoss', {features: featuresOf(graph), layers, criterion});
  for (const name of Object.keys(layers)) callOf(graph, name);
  registerGradients();
  return loss;
}

function graphOf(critic: tf.LayersModel): LayerGraph {
  const refused = (found: string) => new Error(`featureMatchingLoss: critic must be ${found}.`);
  if (!(critic instanceof tf.LayersModel)) {
    throw refused(`a tf.LayersModel, such as gan.discriminator, but it is ${typeof critic}`);
  }
  if (critic.inputs.length !== 1) {
    throw refused(
      `a model of one input, since a generator loss knows no condition, but it takes ${critic.inputs.length}; leave the loss out`,
    );
  }
  const graph = layerGraph(critic);
  if (!graph) {
    throw refused(
      `made by tf.model or tf.sequential, but it is of the class ${critic.constructor.name}; wrap its layers in a tf.model`,
    );
  }
  return graph;
}

/** The layers' outputs as a function of samples. */
function featuresOf(graph: LayerGraph): Features {
  return (samples, names) => {
    const found = names.map(name => callOf(graph, name));
    const values: Values = new Map([[graph.inputs[0]!, samples]]);
    const count = 1 + Math.max(...found.map(call => graph.calls.indexOf(call)));
    for (const call of graph.calls.slice(0, count)) runCall(call, values, false);
    return Object.fromEntries(names.map((name, i) => [name, values.get(found[i]!.outputs[0]!)!]));
  };
}

function callOf({calls}: LayerGraph, name: string) {
  const call = calls.find(({layer}) => layer.name === name);
  if (!call) {
    const known = calls.map(({layer}) => layer.name).join(', ');
    throw new Error(`featureMatchingLoss: the critic has no layer '${name}'; its layers are ${known}.`);
  }
  return call;
}

/** The layers whose output one with a kernel works on. */
function layersBetween({calls}: LayerGraph): Record<string, number> {
  const hasKernel = (layer: tf.layers.Layer) => layer.weights.some(({originalName}) => originalName.endsWith('kernel'));
  const used = new Set(calls.filter(({layer}) => hasKernel(layer)).flatMap(({inputs}) => inputs));
  const between = calls.filter(({outputs}) => outputs.some(id => used.has(id)));
  if (between.length === 0) {
    throw new Error(
      'featureMatchingLoss: the critic has nothing between its first layer and its last to compare; name layers of it.',
    );
  }
  return Object.fromEntries(between.map(({layer}) => [layer.name, 1]));
}
