import {ATTRIBUTE, DTYPES} from '../binding.js';
import type {RecordedOp, Source} from '../recording.js';
import {attribute} from './convolution.js';
import type {Rewriter, Rules} from './rewriter.js';

/**
 * The gradient of a convolution's images, of which only one part of the batch is used, for that part alone: a critic that
 * judges real and fake images together passes nothing on to the real ones.
 */
export const partlyUsedGradient: Rules = {SplitV: ofOnePart};

function ofOnePart(op: RecordedOp, graph: Rewriter, output: number): Source | undefined {
  const [gradient] = op.inputs as [Source];
  const convolution = graph.producer(gradient);
  if (convolution?.name !== 'Conv2DBackpropInput' || !graph.isUsedOnce(gradient)) return undefined;
  if (attribute(convolution, 'data_format') !== 'NHWC') return undefined;
  const sizes = op.outputs.map(({shape}) => shape[0]!);
  if (sizes.reduce((sum, size) => sum + size, 0) !== graph.shape(gradient)[0]) return undefined;
  const first = sizes.slice(0, output).reduce((sum, size) => sum + size, 0);
  const [, filter, dy] = convolution.inputs as [Source, Source, Source];
  const {shape} = op.outputs[output]!;
  const part = [sizes[output]!, ...graph.shape(dy).slice(1)];
  const slice = graph.add('Slice', [dy, graph.integers([first, 0, 0, 0]), graph.integers(part)], part, [
    {name: 'Index', type: ATTRIBUTE.type, value: DTYPES.int32!},
  ]);
  return graph.add('Conv2DBackpropInput', [graph.integers(shape), filter, slice], shape, convolution.attributes);
}
