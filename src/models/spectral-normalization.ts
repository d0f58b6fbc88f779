import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {untaped} from '../losses/untaped.js';
import {seedSequence} from './layers.js';

/** What `spectralNormalization` can be told. */
export interface SpectralNormalizationOptions {
  /** Seed of the vector u, a whole number; without it u differs from run to run. */
  seed?: number;
}

const SPECTRAL_NORMALIZATION_OPTIONS: OptionNames<SpectralNormalizationOptions> = {seed: true};

type LayerVariable = tf.layers.Layer['weights'][number];
type Shape = (number | null)[];

/** Layers with a kernel, and how many outputs a kernel of this shape has. */
const OUTPUTS: Readonly<Record<string, (shape: number[]) => number>> = {
  Dense: shape => shape.at(-1)!,
  Conv1D: shape => shape.at(-1)!,
  Conv2D: shape => shape.at(-1)!,
  Conv3D: shape => shape.at(-1)!,
  Conv2DTranspose: shape => shape.at(-2)!,
  Conv3DTranspose: shape => shape.at(-2)!,
  DepthwiseConv2D: shape => shape.at(-2)! * shape.at(-1)!,
};

/** A layer by the property that it keeps its kernel in. */
type WithKernel = tf.layers.Layer & Record<'kernel' | 'depthwiseKernel', Pick<LayerVariable, 'read'>>;

/** As PyTorch's: keeps a vector of zeros from being divided by zero. */
const EPSILON = 1e-12;

/**
 * A layer whose kernel is divided by its largest singular value, by which a critic's slope is bounded.
 *
 * With W the kernel as a matrix of outputs by inputs and u a vector that the layer keeps, a training pass takes one step
 * of power iteration, v = W'u / |W'u|, u = Wv / |Wv|, and the layer then works with W / (u'Wv); u and v count as constants
 * when gradients are taken, W does not. Outside of training u stays as it is. This is what
 * `torch.nn.utils.spectral_norm` does; there v is kept as well, here it follows from u. A kernel of zeros gives NaN, as there.
 *
 * Its weights are those of the layer, then u, `[outputs]`, which is not trained: kernel, bias, u.
 *
 * @param layer a dense or convolutional layer of tfjs that has not been used yet. It becomes this one's.
 * @throws if the layer is of another class, such as one without a kernel, an option is unknown or the seed no whole number.
 * @example
 * const image = tf.input({shape: [64, 64, 3]});
 * const features = spectralNormalization(tf.layers.conv2d({filters: 64, kernelSize: 3, padding: 'same'})).apply(image);
 *
 * Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018, https://arxiv.org/abs/1802.05957
 */
export function spectralNormalization(
  layer: tf.layers.Layer,
  options: SpectralNormalizationOptions = {},
): tf.layers.Layer {
  requireKnownOptions('spectralNormalization', options, SPECTRAL_NORMALIZATION_OPTIONS);
  const seed = seedSequence('spectralNormalization', options.seed)();
  return new SpectralNormalization({layer, ...(seed === undefined ? {} : {seed})});
}

/** The layer that `spectralNormalization` makes, by whose class name a saved model finds it. */
class SpectralNormalization extends tf.layers.Layer {
  static className = 'SpectralNormalization';
  // Not a field: the constructor of tfjs's Layer already asks whether it is trainable, before there is a layer.
  declare private layer: tf.layers.Layer | undefined;
  private u!: LayerVariable;
  private readonly seed: number | undefined;

  constructor({layer, seed, ...config}: {layer: tf.layers.Layer; seed?: number; name?: string}) {
    super(config);
    this.seed = seed;
    const kind = layer?.getClassName?.() as string | undefined;
    if (kind === undefined || !(kind in OUTPUTS)) {
      throw new Error(
        `spectralNormalization: layer must be one of ${Object.keys(OUTPUTS).join(', ')}, but it is ${kind ?? typeof layer}.`,
      );
    }
    this.layer = layer;
  }

  override build(inputShape: Shape | Shape[]): void {
    const layer = this.layer!;
    if (!layer.built) layer.build(inputShape);
    layer.built = true;
    const outputs = OUTPUTS[layer.getClassName()]!((layer as WithKernel)[this.kernelName()].read().shape);
    const initializer = tf.initializers.randomNormal({
      mean: 0,
      stddev: 1,
      ...(this.seed === undefined ? {} : {seed: this.seed}),
    });
    this.u = this.addWeight('u', [outputs], 'float32', initializer, undefined, false);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[] {
    const layer = this.layer as WithKernel;
    const name = this.kernelName();
    const kernel = layer[name];
    return tf.tidy(() => {
      const normalized = this.normalize(kernel.read(), kwargs.training === true);
      layer[name] = {read: () => normalized};
      try {
        return layer.call(inputs, kwargs);
      } finally {
        layer[name] = kernel;
      }
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return this.layer!.computeOutputShape(inputShape);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const layer = {className: this.layer!.getClassName(), config: this.layer!.getConfig()};
    return {...super.getConfig(), layer, ...(this.seed === undefined ? {} : {seed: this.seed})};
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    const {className, config: ofLayer} = config.layer as {className: string; config: tf.serialization.ConfigDict};
    const [wrapped, fromConfig] = tf.serialization.SerializationMap.getMap().classNameMap[className]!;
    const layer: unknown = fromConfig(wrapped, ofLayer);
    return new cls({...config, layer: layer as tf.serialization.ConfigDict});
  }

  override get trainable(): boolean {
    return this.layer?.trainable ?? true;
  }
  override set trainable(value: boolean) {
    if (this.layer) this.layer.trainable = value;
  }
  override get trainableWeights(): LayerVariable[] {
    return this.layer!.trainableWeights;
  }
  override get nonTrainableWeights(): LayerVariable[] {
    return [...this.layer!.nonTrainableWeights, ...(this.built ? [this.u] : [])];
  }
  override get losses() {
    return this.layer!.losses;
  }

  private kernelName(): 'kernel' | 'depthwiseKernel' {
    return this.layer!.getClassName() === 'DepthwiseConv2D' ? 'depthwiseKernel' : 'kernel';
  }

  /** The kernel divided by u'Wv; in training after a step of power iteration. */
  private normalize(kernel: tf.Tensor, training: boolean): tf.Tensor {
    // A transposed convolution has its outputs before its inputs.
    const swapped = this.layer!.getClassName().endsWith('Transpose');
    const swap = (x: tf.Tensor) => (swapped ? x.transpose(swapOfLastTwo(x.rank)) : x);
    const product = untaped(() => {
      const ordered = swap(kernel);
      const before = this.u.read().reshape<tf.Tensor2D>([-1, 1]);
      const matrix = ordered.reshape<tf.Tensor2D>([-1, before.shape[0]]);
      const v = unit(tf.matMul(matrix, before));
      const u = training ? unit(tf.matMul(matrix, v, true)) : before;
      if (training) this.u.write(u.reshape([-1]));
      return swap(tf.matMul(v, u, false, true).reshape(ordered.shape));
    });
    return tf.div(kernel, tf.sum(tf.mul(kernel, product)));
  }
}
tf.serialization.registerClass(SpectralNormalization);

/** A vector divided by its length. */
function unit(vector: tf.Tensor2D): tf.Tensor2D {
  return tf.div(vector, tf.maximum(tf.norm(vector), EPSILON));
}

function swapOfLastTwo(rank: number): number[] {
  return [...Array.from({length: rank - 2}, (_, i) => i), rank - 1, rank - 2];
}
