import * as tf from '@tensorflow/tfjs';
import type {SafetensorsTensor} from 'tfjs-ragan';

// Of its own, since each look at a global takes jest a microsecond, and there are 20 million weights.
const {sin, cos, sqrt} = Math;

/**
 * The weights of VGG19 that its golden values were computed with, by torchvision's names. With n the number of the convolution from 0
 * and i the place in PyTorch's order: weights are sqrt(2 / (9 inputs)) sin(0.37 i + n), biases 0.01 cos(i + n).
 */
export function vgg19Weights(): Record<string, SafetensorsTensor> {
  const weights: Record<string, SafetensorsTensor> = {};
  const channels = [64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512, 512, 512, 512];
  const places = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34];
  places.forEach((place, n) => {
    const [inputs, outputs] = [channels[n - 1] ?? 3, channels[n]!];
    const scale = sqrt(2 / (9 * inputs));
    const tensor = (shape: number[], value: (i: number) => number): SafetensorsTensor => {
      const data = new Float32Array(tf.util.sizeFromShape(shape));
      for (let i = 0; i < data.length; i++) data[i] = value(i);
      return {dtype: 'float32', shape, data};
    };
    weights[`features.${place}.weight`] = tensor([outputs, inputs, 3, 3], i => scale * sin(0.37 * i + n));
    weights[`features.${place}.bias`] = tensor([outputs], i => 0.01 * cos(i + n));
  });
  return weights;
}
