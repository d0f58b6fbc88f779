import Pbf from 'pbf';
import {message} from '../system/protobuf.js';
import type {Attribute} from './binding.js';
import {ATTRIBUTE} from './binding.js';

/** An attribute of a graph's node, as TensorFlow's AttrValue message has it. */
export type AttrValue =
  | {type: number}
  | {int: number}
  | {float: number}
  | {bool: boolean}
  | {string: string}
  | {shape: number[]}
  | {ints: number[]}
  | {floats: number[]}
  | {tensor: {shape: number[]; dtype: number; bytes: Uint8Array}};

export interface GraphNode {
  name: string;
  op: string;
  /** Names of nodes with the number of their output, `name:0`; or `^name`, to run after it. */
  inputs: string[];
  attributes: Record<string, AttrValue>;
}

/** The version of TensorFlow's graphs that tfjs-node's ops are written for (TensorFlow 2.9). */
const GRAPH_VERSION = 1087;

/** An attribute as the binding takes it, as a graph has it; undefined for a kind that graphs of steps do not need. */
export function attrValue({type, value}: Attribute): AttrValue | undefined {
  const list = Array.isArray(value);
  switch (type) {
    case ATTRIBUTE.string:
      return {string: String(value)};
    case ATTRIBUTE.int:
      return list ? {ints: value as number[]} : {int: Number(value)};
    case ATTRIBUTE.float:
      return list ? {floats: value as number[]} : {float: Number(value)};
    case ATTRIBUTE.bool:
      return list ? undefined : {bool: Boolean(value)};
    case ATTRIBUTE.type:
      return {type: Number(value)};
    case ATTRIBUTE.shape:
      return {shape: value as number[]};
    default:
      return undefined;
  }
}

/**
 * A graph as the file `saved_model.pb` that TensorFlow loads: a SavedModel message with one MetaGraphDef for `serve`,
 * without signatures or variables. The field numbers are those of TensorFlow's protobuf definitions
 * (core/protobuf/saved_model.proto, meta_graph.proto; core/framework/graph.proto, node_def.proto, attr_value.proto).
 */
export function savedModel(nodes: GraphNode[]): Uint8Array {
  const pbf = new Pbf();
  pbf.writeVarintField(1, 1);
  message(pbf, 2, metaGraph => {
    message(metaGraph, 1, info => info.writeStringField(4, 'serve'));
    message(metaGraph, 2, graph => {
      for (const node of nodes) message(graph, 1, inner => writeNode(inner, node));
      message(graph, 4, versions => versions.writeVarintField(1, GRAPH_VERSION));
    });
  });
  return pbf.finish();
}

function writeNode(pbf: Pbf, {name, op, inputs, attributes}: GraphNode): void {
  pbf.writeStringField(1, name);
  pbf.writeStringField(2, op);
  for (const input of inputs) pbf.writeStringField(3, input);
  for (const [key, value] of Object.entries(attributes)) {
    message(pbf, 5, entry => {
      entry.writeStringField(1, key);
      message(entry, 2, inner => writeAttribute(inner, value));
    });
  }
}

function writeAttribute(pbf: Pbf, value: AttrValue): void {
  if ('type' in value) pbf.writeVarintField(6, value.type);
  else if ('int' in value) pbf.writeVarintField(3, value.int);
  else if ('float' in value) pbf.writeFloatField(4, value.float);
  else if ('bool' in value) pbf.writeBooleanField(5, value.bool);
  else if ('string' in value) pbf.writeStringField(2, value.string);
  else if ('shape' in value) message(pbf, 7, shape => writeShape(shape, value.shape));
  else if ('ints' in value) message(pbf, 1, list => list.writePackedVarint(3, value.ints));
  else if ('floats' in value) message(pbf, 1, list => list.writePackedFloat(4, value.floats));
  else {
    const {dtype, shape, bytes} = value.tensor;
    message(pbf, 8, tensor => {
      tensor.writeVarintField(1, dtype);
      message(tensor, 2, inner => writeShape(inner, shape));
      tensor.writeBytesField(4, bytes);
    });
  }
}

function writeShape(pbf: Pbf, shape: number[]): void {
  for (const size of shape) message(pbf, 2, dimension => dimension.writeVarintField(1, size));
}
