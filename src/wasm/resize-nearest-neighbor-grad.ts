import type {Kernel} from './kernel.js';

/** The gradient of nearest-neighbour resizing: each output pixel's goes to the input pixel it was copied from. */
export const resizeNearestNeighborGrad: Kernel = (inputs, attrs, backend) => {
  const images = inputs.images!;
  const dy = inputs.dy!;
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const [, outHeight, outWidth] = dy.shape as [number, number, number, number];
  const rowOf = sourceIndices(height, outHeight, attrs);
  const columnOf = sourceIndices(width, outWidth, attrs);
  const out = backend.makeOutput(images.shape, 'float32');
  const upstream = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  let from = 0;
  for (let image = 0; image < batch; image++) {
    for (let row = 0; row < outHeight; row++) {
      const rowStart = (image * height + rowOf[row]!) * width;
      for (let column = 0; column < outWidth; column++) {
        const to = (rowStart + columnOf[column]!) * channels;
        for (let channel = 0; channel < channels; channel++) target[to + channel]! += upstream[from++]!;
      }
    }
  }
  return out;
};

/** Which input row (or column) each output one copies, by the rule of `tf.image.resizeNearestNeighbor`. */
function sourceIndices(size: number, outSize: number, attrs: Record<string, unknown>): Int32Array {
  const aligned = attrs.alignCorners === true;
  const scale = aligned && outSize > 1 ? (size - 1) / (outSize - 1) : size / outSize;
  return Int32Array.from({length: outSize}, (_, i) => {
    const position = Math.fround(scale) * (attrs.halfPixelCenters === true ? i + 0.5 : i);
    return Math.max(0, Math.min(size - 1, aligned ? Math.round(position) : Math.floor(position)));
  });
}
