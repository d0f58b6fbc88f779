import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import type {SafetensorsFile, SafetensorsTensor} from 'tfjs-ragan';
import {readSafetensors, writeSafetensors} from 'tfjs-ragan';

const golden = (name: string) => readFileSync(join(__dirname, '../goldens/nets', name));

/** A file with this header, whatever it says, and these bytes behind it. */
function fileOf(header: unknown, data: number[] = [], length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

const tensors: Record<string, SafetensorsTensor> = {
  ofBytes: {dtype: 'uint8', shape: [3], data: Uint8Array.of(0, 7, 255)},
  flags: {dtype: 'bool', shape: [2, 1], data: Uint8Array.of(1, 0)},
  small: {dtype: 'int8', shape: [1], data: Int8Array.of(-128)},
  short: {dtype: 'int16', shape: [1], data: Int16Array.of(-32768)},
  unsigned: {dtype: 'uint16', shape: [1], data: Uint16Array.of(65535)},
  whole: {dtype: 'int32', shape: [2], data: Int32Array.of(-1, 2 ** 31 - 1)},
  positive: {dtype: 'uint32', shape: [1], data: Uint32Array.of(2 ** 32 - 1)},
  long: {dtype: 'int64', shape: [1], data: BigInt64Array.of(-(2n ** 63n))},
  large: {dtype: 'uint64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n)},
  scalar: {dtype: 'float64', shape: [], data: Float64Array.of(Math.PI)},
  single: {dtype: 'float32', shape: [1, 2], data: Float32Array.of(0.1, -Infinity)},
  half: {dtype: 'float16', shape: [4], data: Float32Array.of(1.5, -65504, 2 ** -24, -0)},
  brain: {dtype: 'bfloat16', shape: [2], data: Float32Array.of(1.5, -(2 ** 100))},
  none: {dtype: 'float32', shape: [0, 5], data: new Float32Array(0)},
  __proto__name: {dtype: 'float32', shape: [1], data: Float32Array.of(1)},
};

const sorted = <T>(one: Record<string, T>) => Object.fromEntries(Object.entries(one).sort());

test('every type comes back as it was', () => {
  const file = writeSafetensors(tensors, {format: 'pt', 'made by': 'a test, ÄÖ'});
  const read = readSafetensors(file);
  expect(sorted(read.tensors)).toEqual(sorted(tensors));
  expect(Object.is((read.tensors.half!.data as Float32Array)[3], -0)).toBe(true);
  expect(read.metadata).toEqual({format: 'pt', 'made by': 'a test, ÄÖ'});
  // From memory that no number is aligned in, and from an ArrayBuffer.
  const shifted = new Uint8Array(file.length + 1);
  shifted.set(file, 1);
  expect(readSafetensors(shifted.subarray(1))).toEqual(read);
  expect(readSafetensors(file.buffer as ArrayBuffer)).toEqual(read);
  expect(readSafetensors(writeSafetensors({}))).toEqual({tensors: {}, metadata: {}});
});

test("files of the format's own library are read", () => {
  const {tensors: single} = readSafetensors(golden('compact_x2.safetensors'));
  expect(single['body.0.weight']).toMatchObject({dtype: 'float32', shape: [8, 3, 3, 3]});
  expect(single['body.0.weight']!.data).toHaveLength(216);
  const {tensors: half} = readSafetensors(golden('rrdb_x4_original.safetensors'));
  const {dtype, shape, data} = half['model.0.weight']!;
  expect([dtype, shape]).toEqual(['float16', [5, 3, 3, 3]]);
  // What is in the file as float16 does not change on the way.
  const again = readSafetensors(writeSafetensors({one: {dtype, shape, data}})).tensors.one!;
  expect(again.data).toEqual(data);
  expect(Math.max(...(data as Float32Array))).toBeGreaterThan(0);
});

test('a file is that of the format, byte for byte', () => {
  const file = writeSafetensors({b: {dtype: 'uint8', shape: [1], data: Uint8Array.of(9)}, a: tensors.short!});
  const header =
    '{"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  expect(file).toEqual(fileOf(padded, [0x00, 0x80, 9]));
});

test.each([
  ['float16', [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -26, 2 ** -14 - 2 ** -26, 1e-30]],
  ['bfloat16', [1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, 2 ** -133, 1, NaN, -1e-3, 1e-45]],
] as const)('%s rounds to the nearest, to even', (dtype, values) => {
  const data = Float32Array.from(values);
  const {one} = readSafetensors(writeSafetensors({one: {dtype, shape: [8], data}})).tensors;
  const expected = {
    float16: [1, 1 + 2 ** -9, 65504, Infinity, 0, 2 ** -24, 2 ** -14, 0],
    bfloat16: [1, 1 + 2 ** -6, Infinity, 2 ** -133, 1, NaN, -0.00099945068359375, 0],
  };
  expect([...(one!.data as Float32Array)]).toEqual(expected[dtype]);
});

const entry = {dtype: 'F32', shape: [1], data_offsets: [0, 4]};
const four = [0, 0, 128, 63];
const damaged: [string, Uint8Array, string][] = [
  ['nothing', new Uint8Array(0), 'found 0 bytes that are cut off or of another format'],
  ["PyTorch's file", Uint8Array.from(Buffer.from('PK\x03\x04 and more of it')), "a ZIP archive, as PyTorch's .pth"],
  ['a pickle', Uint8Array.of(0x80, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0), 'found a Python pickle'],
  ['a web page', Uint8Array.from(Buffer.from('<!doctype html><html>')), 'found a web page'],
  [
    'a Git LFS pointer',
    Uint8Array.from(Buffer.from('version https://git-lfs.github.com/spec/v1')),
    'a Git LFS pointer',
  ],
  ['a header that is longer than the file', fileOf({a: entry}, four, 2n ** 63n), 'cut off or of another format'],
  ['a header that is no JSON', fileOf('{"a": '), 'found a header that is no JSON'],
  ['a header that is no text', fileOf('{', [0xff, 0xff], 3n), 'found a header that is no JSON'],
  ['a tensor of a newer type', fileOf({a: {...entry, dtype: 'F8_E4M3'}}, four), 'of the type "F8_E4M3", and F64, F32,'],
  [
    'a tensor without a shape',
    fileOf({a: {...entry, shape: undefined}}, four),
    'found tensor "a" without a type, a shape',
  ],
  ['a tensor that is null', fileOf({a: null}, four), 'found tensor "a" without a type'],
  ['a shape below zero', fileOf({a: {...entry, shape: [-1, -1]}}, four), 'without a type, a shape'],
  ['a shape beyond all numbers', fileOf({a: {...entry, shape: [2 ** 52, 2 ** 52]}}, four), 'in 4 bytes instead of 8.1'],
  [
    'too few bytes for a shape',
    fileOf({a: {...entry, shape: [2]}}, four),
    'of shape [2] and type F32 in 4 bytes instead of 8',
  ],
  [
    'an end before its beginning',
    fileOf({a: {...entry, shape: [0], data_offsets: [4, 0]}}, four),
    'in -4 bytes instead of 0',
  ],
  ['tensors that overlap', fileOf({a: entry, b: entry}, four), 'found tensor "b" at byte 0 instead of 4'],
  [
    'a gap',
    fileOf({a: {...entry, data_offsets: [4, 8]}}, [...four, ...four]),
    'found tensor "a" at byte 4 instead of 0',
  ],
  [
    'a file that is cut off',
    fileOf({a: entry}, [0, 0]),
    'found 2 bytes of tensors instead of 4, so the file is cut off',
  ],
  [
    'bytes behind the last tensor',
    fileOf({a: entry}, [...four, 1]),
    'found 5 bytes of tensors instead of 4, so the file is damaged',
  ],
];

test.each(damaged)('%s is refused in one line', (_, file, found) => {
  const read = () => readSafetensors(file);
  expect(read).toThrow(found);
  expect(read).toThrow(/^readSafetensors: found [^\n]*; a safetensors file is read, which begins with [^\n]*$/);
});

test('every file that is cut off is refused', () => {
  const file = writeSafetensors({a: tensors.single!, b: tensors.small!}, {format: 'pt'});
  for (let length = 0; length < file.length; length++) {
    expect(() => readSafetensors(file.subarray(0, length))).toThrow(/^readSafetensors: found/);
  }
});

test('names of object members are names like others', () => {
  const file = fileOf('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four);
  const {tensors: read}: SafetensorsFile = readSafetensors(file);
  expect(Object.keys(read)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
});

test('what cannot be written is refused', () => {
  const write = (changed: object, name = 'a') =>
    writeSafetensors({
      [name]: {dtype: 'float32', shape: [2], data: new Float32Array(2), ...changed},
    });
  expect(() => write({shape: [3]})).toThrow('tensor "a" of shape [3] must have 3 values, but it has 2.');
  expect(() => write({data: new Float64Array(2)})).toThrow(
    'tensor "a" of type float32 must have its data in a Float32Array',
  );
  expect(() => write({dtype: 'complex64'})).toThrow('must be of one of the types float64, float32,');
  expect(() => write({dtype: 'toString'})).toThrow('but it is of toString');
  expect(() => write({}, '__metadata__')).toThrow('must have another name');
  expect(() => writeSafetensors({}, {a: 1} as never)).toThrow('writeSafetensors: metadata must be texts by name');
  expect(() => readSafetensors(fileOf({__metadata__: {a: 1}}))).toThrow('readSafetensors: metadata must be texts');
  expect(() => readSafetensors('text' as never)).toThrow(
    'bytes must be a Uint8Array or an ArrayBuffer, but it is string',
  );
});
