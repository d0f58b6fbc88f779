import {fromBfloat16, fromFloat16, toBfloat16, toFloat16} from './half-floats.js';

/** The numbers of a tensor in a safetensors file. Those of 16 bits are given as float32, and written from it. */
export type SafetensorsData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** What a number is in a safetensors file. */
export type SafetensorsType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'uint64'
  | 'int32'
  | 'uint32'
  | 'int16'
  | 'uint16'
  | 'int8'
  | 'uint8'
  | 'bool';

/** A tensor of a safetensors file: plain numbers, which no backend holds. `tf.tensor(data, shape)` makes one of tfjs's. */
export interface SafetensorsTensor {
  /** What each number is in the file. */
  dtype: SafetensorsType;
  /** The outermost axis first; `[]` for a scalar. */
  shape: number[];
  /** The numbers, the last axis changing fastest; for float16 and bfloat16 a Float32Array, for bool zeros and ones. */
  data: SafetensorsData;
}

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** By name, in the file's order. */
  tensors: Record<string, SafetensorsTensor>;
  /** Texts by name, such as `{format: 'pt'}`; empty where the file has none. */
  metadata: Record<string, string>;
}

interface Format {
  /** The file's word for it. */
  code: string;
  /** Of a number in the file. */
  bytes: number;
  /** The array that holds the numbers, and the bytes as they are in the file where those differ. */
  array: SafetensorsArray;
  decode?: (bits: Uint16Array) => Float32Array;
  encode?: (values: Float32Array) => Uint16Array;
}

interface SafetensorsArray {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): SafetensorsData;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

const half = {bytes: 2, array: Float32Array};
const plain = (code: string, array: SafetensorsArray): Format => ({code, bytes: array.BYTES_PER_ELEMENT, array});

const FORMATS: Readonly<Record<SafetensorsType, Format>> = {
  float64: plain('F64', Float64Array),
  float32: plain('F32', Float32Array),
  float16: {code: 'F16', ...half, decode: fromFloat16, encode: toFloat16},
  bfloat16: {code: 'BF16', ...half, decode: fromBfloat16, encode: toBfloat16},
  int64: plain('I64', BigInt64Array),
  uint64: plain('U64', BigUint64Array),
  int32: plain('I32', Int32Array),
  uint32: plain('U32', Uint32Array),
  int16: plain('I16', Int16Array),
  uint16: plain('U16', Uint16Array),
  int8: plain('I8', Int8Array),
  uint8: plain('U8', Uint8Array),
  bool: plain('BOOL', Uint8Array),
};

/** The bytes before the header, which tell its length. */
const LENGTH_BYTES = 8;
/** The longest header that is read, as in the format's own library. */
const MAX_HEADER = 100_000_000;

/** How other files begin, and what they are. */
const FOREIGN: [start: string, what: string][] = [
  ['PK\x03\x04', "a ZIP archive, as PyTorch's .pth and .pt files are"],
  ['\x80\x02', "a Python pickle, as PyTorch's older .pth files are"],
  ['GGUF', 'a GGUF file'],
  ['\x89HDF', 'an HDF5 file, as .h5 and .keras weights are'],
  ['\x1f\x8b', 'a gzip file'],
  ['version https://git-lfs', 'a Git LFS pointer instead of the file itself'],
  ['{', 'JSON'],
  ['<', 'a web page'],
];

/**
 * Reads a safetensors file, the format in which PyTorch's models are handed on without code in them.
 *
 * Nothing is believed that the file does not bear out: its tensors must lie one behind the other from the header to the end,
 * so what is made is never more than a few times the file's own size. Arrays may share the memory of `bytes`.
 *
 * @param bytes the whole file.
 * @throws one line with what was found and what would be read, if the file is damaged, cut off, of another format, or newer,
 *   with numbers of a type that is not among `SafetensorsType`.
 * @example
 * const {tensors} = readSafetensors(new Uint8Array(await (await fetch('model.safetensors')).arrayBuffer()));
 * for (const [name, {shape, data}] of Object.entries(tensors)) console.log(name, shape, data.length);
 *
 * The format: https://huggingface.co/docs/safetensors
 */
export function readSafetensors(bytes: Uint8Array | ArrayBuffer): SafetensorsFile {
  const file = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  if (!(file instanceof Uint8Array)) {
    throw new Error(`readSafetensors: bytes must be a Uint8Array or an ArrayBuffer, but it is ${typeof bytes}.`);
  }
  const {header, start} = readHeader(file);
  const {__metadata__: metadata = {}, ...entries} = header;
  const places = Object.entries(entries).map(([name, entry]) => placeOf(name, entry));
  requireContiguous(places, file.length - start);
  const tensors = places.map(({name, dtype, shape, begin, end}) => {
    const data = decode(dtype, file.subarray(start + begin, start + end));
    return [name, {dtype, shape, data}] as const;
  });
  return {tensors: Object.fromEntries(tensors), metadata: requireMetadata('readSafetensors', metadata)};
}

/**
 * Writes tensors as a safetensors file, which `readSafetensors` and every other library for it reads.
 *
 * @param tensors by name; float16 and bfloat16 are rounded from a Float32Array, to even.
 * @param metadata texts by name, such as `{format: 'pt'}`. Default none.
 * @returns the file's bytes.
 * @throws if a tensor has another number of values than its shape says or another kind of array than its type asks for, or
 *   metadata holds anything but texts.
 * @example
 * const data = new Float32Array(await tf.ones([2, 3]).data());
 * const bytes = writeSafetensors({weight: {dtype: 'float16', shape: [2, 3], data}}, {format: 'pt'});
 */
export function writeSafetensors(
  tensors: Record<string, SafetensorsTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const encoded = Object.entries(tensors).map(([name, tensor]) => ({name, ...encode(name, tensor)}));
  // Wider numbers first, so that each lies where an array of them may begin.
  encoded.sort((a, b) => b.bytes - a.bytes);
  requireMetadata('writeSafetensors', metadata);
  let end = 0;
  const entries = encoded.map(({name, code, shape, data}) => {
    const begin = end;
    end += data.byteLength;
    return [name, {dtype: code, shape, data_offsets: [begin, end]}] as const;
  });
  const ofFile = Object.keys(metadata).length > 0 ? [['__metadata__', metadata] as const] : [];
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries([...ofFile, ...entries])));
  // Spaces up to where the widest numbers may begin.
  const start = LENGTH_BYTES + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - LENGTH_BYTES), true);
  file.fill(0x20, LENGTH_BYTES, start);
  file.set(text, LENGTH_BYTES);
  let position = start;
  for (const {data} of encoded) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

/** A tensor as the header describes it, its place counted from the header's end. */
interface Place {
  name: string;
  dtype: SafetensorsType;
  shape: number[];
  begin: number;
  end: number;
}

function readHeader(file: Uint8Array): {header: Record<string, unknown>; start: number} {
  const length = file.length < LENGTH_BYTES ? 0n : new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  const fits = length >= 2n && length <= Math.min(file.length - LENGTH_BYTES, MAX_HEADER);
  // A header's length may look like the start of another format, but then JSON follows it.
  if (!fits || file[LENGTH_BYTES] !== 0x7b) {
    const beginning = String.fromCharCode(...file.subarray(0, 32));
    const foreign = FOREIGN.find(([start]) => beginning.startsWith(start));
    refuse(`found ${foreign?.[1] ?? `${file.length} bytes that are cut off or of another format`}`);
  }
  const start = LENGTH_BYTES + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(file.subarray(LENGTH_BYTES, start)));
  } catch {
    refuse('found a header that is no JSON, so the file is damaged');
  }
  return {header: header as Record<string, unknown>, start};
}

function placeOf(name: string, entry: unknown): Place {
  const {dtype: code, shape, data_offsets: offsets} = (entry ?? {}) as Record<string, unknown>;
  const found = `found tensor ${JSON.stringify(name)}`;
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2 || typeof code !== 'string') {
    refuse(`${found} without a type, a shape and a place in the file, so the file is damaged`);
  }
  const type = Object.entries(FORMATS).find(([, format]) => format.code === code);
  if (!type) {
    const codes = Object.values(FORMATS).map(format => format.code);
    refuse(`${found} of the type ${JSON.stringify(code)}, and ${codes.join(', ')} are known`);
  }
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((product, size) => product * size, type[1].bytes);
  if (end - begin !== expected) {
    refuse(`${found} of shape [${shape.join(', ')}] and type ${code} in ${end - begin} bytes instead of ${expected}`);
  }
  return {name, dtype: type[0] as SafetensorsType, shape, begin, end};
}

/** Refuses tensors that overlap, leave gaps, or do not end where the file does. */
function requireContiguous(places: Place[], length: number): void {
  let position = 0;
  for (const {name, begin, end} of [...places].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) {
      refuse(`found tensor ${JSON.stringify(name)} at byte ${begin} instead of ${position}, so the file is damaged`);
    }
    position = end;
  }
  if (position !== length) {
    const state = position > length ? 'cut off' : 'damaged';
    refuse(`found ${length} bytes of tensors instead of ${position}, so the file is ${state}`);
  }
}

function decode(dtype: SafetensorsType, bytes: Uint8Array): SafetensorsData {
  const {decode: fromBits, array, bytes: width} = FORMATS[dtype];
  // An array begins at a multiple of its numbers' width only.
  const {buffer, byteOffset} = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const count = bytes.length / width;
  return fromBits ? fromBits(new Uint16Array(buffer, byteOffset, count)) : new array(buffer, byteOffset, count);
}

function encode(
  name: string,
  {dtype, shape, data}: SafetensorsTensor,
): Format & {shape: number[]; data: SafetensorsData} {
  const tensor = `writeSafetensors: tensor ${JSON.stringify(name)}`;
  const format = Object.hasOwn(FORMATS, dtype) ? FORMATS[dtype] : undefined;
  if (!format) {
    throw new Error(`${tensor} must be of one of the types ${Object.keys(FORMATS).join(', ')}, but it is of ${dtype}.`);
  }
  if (name === '__metadata__') throw new Error(`${tensor} must have another name: the format keeps this one.`);
  if (!(data instanceof format.array)) {
    throw new Error(`${tensor} of type ${dtype} must have its data in a ${format.array.name}; convert it.`);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  if (!isSizes(shape) || data.length !== count) {
    throw new Error(`${tensor} of shape [${shape.join(', ')}] must have ${count} values, but it has ${data.length}.`);
  }
  return {...format, shape, data: format.encode ? format.encode(data as Float32Array) : data};
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(size => Number.isSafeInteger(size) && size >= 0);
}

function requireMetadata(owner: string, metadata: unknown): Record<string, string> {
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
  if (isObject && Object.values(metadata).every(text => typeof text === 'string')) {
    return metadata as Record<string, string>;
  }
  throw new Error(`${owner}: metadata must be texts by name, but it is ${JSON.stringify(metadata)?.slice(0, 80)}.`);
}

function refuse(found: string): never {
  throw new Error(
    `readSafetensors: ${found}; a safetensors file is read, which begins with the length of its header, 8 bytes, and the ` +
      'header, JSON.',
  );
}
