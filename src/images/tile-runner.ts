import * as tf from '@tensorflow/tfjs';
import {NonFiniteError, firstNonFinite} from '../finite.js';
import type {CapturedStep} from '../training/step-capture.js';
import {stepCapturer} from '../training/step-capture.js';
import {predictEnsemble} from './ensemble.js';
import {modelScale} from './model-scale.js';
import type {ArrayImage} from './resize-array.js';

/** What the model sees of a tile, 3 channels from 0 to 1. */
export type Tile = ArrayImage & {data: Float32Array};

/** How a `TileRunner` computes. */
export interface TileRunnerOptions {
  ensemble?: boolean;
  /** Whether tiles are computed as one call of the backend where it can and there are many. */
  capture?: boolean;
  onWarning?: ((message: string) => void) | undefined;
}

/**
 * Tiles of one shape from which on they are captured. The first two calls are computed twice, once to be recorded and once
 * by the graph, which is gained back by about eight tiles.
 */
const CAPTURED_FROM = 16;

/** Shapes of tiles that are captured side by side: as many as a captured step has graphs for. */
const MAX_SHAPES = 4;

type Predict = (...tiles: tf.Tensor4D[]) => tf.Tensor4D[];

/** Runs a model on tiles, and captures it for those that many pictures, or a large one, are made of. To be disposed. */
export class TileRunner {
  /** How many times larger the model makes a tile. */
  readonly scale: number;
  private readonly counts = new Map<string, number>();
  private captured: CapturedStep<tf.Tensor4D[], tf.Tensor4D[]> | undefined;
  private readonly shapes = new Set<string>();

  /** @throws as `modelScale`. */
  constructor(
    private readonly model: tf.LayersModel,
    private readonly options: TileRunnerOptions = {},
  ) {
    this.scale = modelScale(model);
  }

  /** How many tiles are best given at once: they are computed side by side. */
  get lanes(): number {
    return this.options.capture === false ? 1 : (stepCapturer()?.lanes ?? 1);
  }

  /** Tells that so many tiles of a shape will come. */
  announce(height: number, width: number, tiles: number): void {
    const shape = `${height} x ${width}`;
    this.counts.set(shape, (this.counts.get(shape) ?? 0) + tiles);
  }

  /**
   * The model's outputs for tiles of one shape: finite numbers, not clipped yet.
   *
   * @throws if they are of another size than the scale says, or not finite.
   */
  async run(tiles: Tile[]): Promise<tf.TypedArray[]> {
    const {height, width} = tiles[0]!;
    const predict = this.predictor(tiles);
    const outputs = tf.tidy(() => {
      const inputs = tiles.map(({data}) => tf.tensor4d(data, [1, height, width, 3]));
      return this.options.ensemble ? predictEnsemble(predict, inputs) : predict(...inputs);
    });
    try {
      return await Promise.all(outputs.map(output => this.valuesOf(output, height, width)));
    } finally {
      tf.dispose(outputs);
    }
  }

  /** Frees what was captured. */
  dispose(): void {
    this.captured?.dispose();
    this.captured = undefined;
    this.shapes.clear();
  }

  /** Computes tiles as usual, or captured: an ensemble's too, whose turns are of one shape or two. */
  private predictor(tiles: Tile[]): Predict {
    const predict: Predict = (...inputs) =>
      tf.tidy(() => inputs.map(input => this.model.predict(input) as tf.Tensor4D));
    const {height, width} = tiles[0]!;
    const shape = `${height} x ${width}`;
    const capturer = this.options.capture === false ? undefined : stepCapturer();
    // What is left over at the end is computed as usual, on all threads.
    if (!capturer || tiles.length < capturer.lanes || (this.counts.get(shape) ?? 0) < CAPTURED_FROM) return predict;
    const shapes = this.options.ensemble ? [shape, `${width} x ${height}`] : [shape];
    if (new Set([...this.shapes, ...shapes]).size > MAX_SHAPES) this.dispose();
    for (const one of shapes) this.shapes.add(one);
    this.captured ??= capturer.capture<tf.Tensor4D[], tf.Tensor4D[]>(predict, {
      inputs: tiles.map(() => ({shape: [1, height, width, 3], dtype: 'float32'})),
      variables: [],
      onWarning: message => this.warn(this.captured?.status.reason ?? message),
    });
    return this.captured;
  }

  private warn(reason: string): void {
    (this.options.onWarning ?? console.warn)(`upscale: tiles are computed op by op, not as one call: ${reason}`);
  }

  private async valuesOf(output: tf.Tensor4D, height: number, width: number): Promise<tf.TypedArray> {
    const expected = [1, height * this.scale, width * this.scale, 3];
    if (output.shape.join() !== expected.join()) {
      throw new Error(
        `upscale: of [1, ${height}, ${width}, 3] the model must make [${expected.join(', ')}], but it makes ` +
          `[${output.shape.join(', ')}]; give a model that enlarges pictures of every size alike.`,
      );
    }
    const values = await output.data();
    const bad = firstNonFinite(values);
    if (bad !== undefined) {
      throw new NonFiniteError(
        `upscale: of this picture the model makes ${bad}; if its training diverged, train again with smaller learning rates.`,
        `of a picture the model makes ${bad}`,
      );
    }
    return values;
  }
}
