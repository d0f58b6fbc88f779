import Pbf from 'pbf';
import {message} from '../../system/protobuf.js';

/** An attribute of a node: whole numbers, a text, or a fraction where that is said. */
export type OnnxAttribute = number | string | number[] | {float: number};

export interface OnnxNode {
  op: string;
  inputs: string[];
  output: string;
  attributes?: Record<string, OnnxAttribute>;
}

/** A constant that nodes take as an input. */
export interface OnnxConstant {
  name: string;
  shape: number[];
  type: 'float32' | 'float16';
  bytes: Uint8Array;
}

/** An input or output of float32; a dimension with a name may be any. */
export interface OnnxValue {
  name: string;
  shape: (number | string)[];
}

export interface OnnxGraph {
  name: string;
  nodes: OnnxNode[];
  constants: OnnxConstant[];
  input: OnnxValue;
  output: OnnxValue;
}

/** The version of the file format and that of the operations, both of 2022: older programs read them too. */
const IR_VERSION = 8;
const OPSET_VERSION = 17;

const DATA_TYPES = {float32: 1, float16: 10};
const ATTRIBUTE_TYPES = {float: 1, int: 2, string: 3, ints: 7};

/** A graph as an ONNX file. The field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export function onnxFile(graph: OnnxGraph): Uint8Array {
  const pbf = new Pbf();
  pbf.writeVarintField(1, IR_VERSION);
  pbf.writeStringField(2, 'tfjs-ragan');
  message(pbf, 7, inner => writeGraph(graph, inner));
  message(pbf, 8, version => version.writeVarintField(2, OPSET_VERSION));
  return pbf.finish();
}

function writeGraph({name, nodes, constants, input, output}: OnnxGraph, pbf: Pbf): void {
  for (const node of nodes) message(pbf, 1, inner => writeNode(node, inner));
  pbf.writeStringField(2, name);
  for (const constant of constants) message(pbf, 5, inner => writeConstant(constant, inner));
  message(pbf, 11, inner => writeValue(input, inner));
  message(pbf, 12, inner => writeValue(output, inner));
}

function writeNode({op, inputs, output, attributes = {}}: OnnxNode, pbf: Pbf): void {
  for (const input of inputs) pbf.writeStringField(1, input);
  pbf.writeStringField(2, output);
  pbf.writeStringField(3, output);
  pbf.writeStringField(4, op);
  for (const attribute of Object.entries(attributes)) message(pbf, 5, inner => writeAttribute(attribute, inner));
}

function writeAttribute([name, value]: [string, OnnxAttribute], pbf: Pbf): void {
  pbf.writeStringField(1, name);
  if (typeof value === 'number') {
    pbf.writeVarintField(3, value);
    pbf.writeVarintField(20, ATTRIBUTE_TYPES.int);
  } else if (typeof value === 'string') {
    pbf.writeStringField(4, value);
    pbf.writeVarintField(20, ATTRIBUTE_TYPES.string);
  } else if (Array.isArray(value)) {
    for (const one of value) pbf.writeVarintField(8, one);
    pbf.writeVarintField(20, ATTRIBUTE_TYPES.ints);
  } else {
    pbf.writeFloatField(2, value.float);
    pbf.writeVarintField(20, ATTRIBUTE_TYPES.float);
  }
}

function writeConstant({name, shape, type, bytes}: OnnxConstant, pbf: Pbf): void {
  for (const size of shape) pbf.writeVarintField(1, size);
  pbf.writeVarintField(2, DATA_TYPES[type]);
  pbf.writeStringField(8, name);
  pbf.writeBytesField(9, bytes);
}

function writeValue({name, shape}: OnnxValue, pbf: Pbf): void {
  pbf.writeStringField(1, name);
  message(pbf, 2, inner => writeType(shape, inner));
}

/** A TypeProto that holds a tensor's type. */
function writeType(shape: OnnxValue['shape'], pbf: Pbf): void {
  message(pbf, 1, inner => writeTensorType(shape, inner));
}

function writeTensorType(shape: OnnxValue['shape'], pbf: Pbf): void {
  pbf.writeVarintField(1, DATA_TYPES.float32);
  message(pbf, 2, inner => writeShape(shape, inner));
}

function writeShape(shape: OnnxValue['shape'], pbf: Pbf): void {
  for (const size of shape) message(pbf, 1, inner => writeDimension(size, inner));
}

function writeDimension(size: number | string, pbf: Pbf): void {
  if (typeof size === 'number') pbf.writeVarintField(1, size);
  else pbf.writeStringField(2, size);
}
