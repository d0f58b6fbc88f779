import type * as tf from '@tensorflow/tfjs';
import {modelReach} from '../../images/model-reach.js';
import {modelScale} from '../../images/model-scale.js';
import {layersModelFiles} from './layers-model.js';
import type {StoredType} from './stored-weights.js';

/** What a patch adds to the picture, and the most that is looked at around it, in pixels: as `upscale` cuts pictures up. */
const PATCH = 96;
const LARGEST_PADDING = 32;

/** The layer that UpscalerJS does not have, for a page that does not import this package. */
const SETUP = `
  setup(tf) {
    class PixelShuffle extends tf.layers.Layer {
      static className = 'PixelShuffle';
      constructor({scale, ...config}) {
        super(config);
        this.scale = scale;
      }
      computeOutputShape([batch, height, width, channels]) {
        const larger = size => (size === null ? null : this.scale * size);
        return [batch, larger(height), larger(width), channels / this.scale ** 2];
      }
      call(inputs) {
        const images = [inputs].flat()[0];
        return this.scale === 1 ? images.clone() : tf.depthToSpace(images, this.scale, 'NHWC');
      }
      getConfig() {
        return {...super.getConfig(), scale: this.scale};
      }
    }
    tf.serialization.registerClass(PixelShuffle);
  },`;

/**
 * The files of a folder that UpscalerJS takes: a layers model, and `index.js`, whose default export is what
 * `new Upscaler({model})` is given and whose `patchSize` and `padding` leave no seams.
 *
 * @throws if it is no super-resolution model, or a layer is neither TensorFlow.js's nor PixelShuffle.
 */
export async function upscalerJsFiles(
  model: tf.LayersModel,
  weights: StoredType,
): Promise<[name: string, data: string | Uint8Array][]> {
  const scale = modelScale(model);
  const {radius, step, unknown} = modelReach(model);
  if (unknown.length > 0) throw new Error(`how far its layers ${unknown.join(', ')} look is not known`);
  const classes = classNames(model);
  if (classes.includes('SpectralNormalization')) {
    throw new Error('UpscalerJS has no SpectralNormalization, which its layers use');
  }
  const wholeSteps = (pixels: number) => Math.ceil(pixels / step) * step;
  const padding = wholeSteps(Math.min(radius, LARGEST_PADDING));
  const patchSize = wholeSteps(PATCH) + 2 * padding;
  const index = `// A model for UpscalerJS: new Upscaler({model}).execute(picture, {patchSize, padding})
export const patchSize = ${patchSize};
/** Its pixels depend on those up to ${radius} away. */
export const padding = ${padding};
export default {
  path: new URL('model.json', import.meta.url).href,
  modelType: 'layers',
  scale: ${scale},
  inputRange: [0, 1],
  outputRange: [0, 1],${step > 1 ? `\n  divisibilityFactor: ${step},` : ''}${classes.includes('PixelShuffle') ? SETUP : ''}
};
`;
  return [...(await layersModelFiles(model, weights)), ['index.js', index]];
}

/** The classes of a model's layers, and of those of the models inside it. */
function classNames(model: tf.LayersModel): string[] {
  return model.layers.flatMap(layer => ('layers' in layer ? classNames(layer as tf.LayersModel) : layer.getClassName()));
}
