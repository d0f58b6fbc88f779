import type * as tf from '@tensorflow/tfjs';
import {toFloat16} from '../../../models/half-floats.js';
import {bytesOf, requireRoom} from '../stored-weights.js';
import type {OnnxAttribute, OnnxConstant, OnnxNode} from './proto.js';

/** ONNX's number for float32. */
const FLOAT = 1;

/** Collects the nodes and constants of a graph, and names what they make. */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxConstant[] = [];
  private readonly taken: Set<string>;

  /**
   * @param weights what a model's weights are in the file; those of float16 are computed with as float32.
   * @param reserved names that are given to nothing.
   */
  constructor(
    private readonly weights: 'float32' | 'float16',
    reserved: string[],
  ) {
    this.taken = new Set(reserved);
  }

  /** Adds a node; returns the name of what it makes, which begins as `name` does. */
  add(name: string, op: string, inputs: string[], attributes: Record<string, OnnxAttribute> = {}): string {
    const output = this.unique(name);
    this.nodes.push({op, inputs, output, attributes});
    return output;
  }

  /** Adds float32 numbers of the export's own. */
  constant(name: string, values: number[], shape: number[] = []): string {
    return this.keep({name: this.unique(name), shape, type: 'float32', bytes: bytesOf(Float32Array.from(values))});
  }

  /** Adds a weight of the model. */
  async weight(name: string, tensor: tf.Tensor): Promise<string> {
    // A copy: on some backends it is a view that moves.
    const values = Float32Array.from(await tensor.data());
    requireRoom(name, values, this.weights);
    const {shape} = tensor;
    if (this.weights === 'float32') {
      return this.keep({name: this.unique(name), shape, type: 'float32', bytes: bytesOf(values)});
    }
    const bytes = bytesOf(toFloat16(values));
    return this.add(name, 'Cast', [this.keep({name: this.unique(`${name}/16`), shape, type: 'float16', bytes})], {
      to: FLOAT,
    });
  }

  /** Gives what a node makes another name too. */
  rename(from: string, to: string): void {
    this.nodes.push({op: 'Identity', inputs: [from], output: to});
  }

  private keep(constant: OnnxConstant): string {
    this.constants.push(constant);
    return constant.name;
  }

  private unique(name: string): string {
    let unique = name;
    for (let i = 1; this.taken.has(unique); i++) unique = `${name}_${i}`;
    this.taken.add(unique);
    return unique;
  }
}
