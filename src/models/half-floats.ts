// Floats of 16 bits, which JavaScript's typed arrays lack: float16 has 5 bits of exponent and 10 of fraction, bfloat16 is the
// upper half of a float32.

/** The values of float16 numbers, given as their bits. */
export function fromFloat16(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = float16Value(bits[i]!);
  return values;
}

/** The values of bfloat16 numbers, given as their bits. */
export function fromBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

/** The bits of the nearest float16 numbers, to even where two are as near; beyond 65504 infinite. */
export function toFloat16(values: Float32Array): Uint16Array {
  const words = wordsOf(values);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = float16Bits(words[i]!, values[i]!);
  return bits;
}

/** The bits of the nearest bfloat16 numbers, to even where two are as near. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const words = wordsOf(values);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    // A NaN could be rounded to infinity; its upper half with a bit set cannot.
    bits[i] = Number.isNaN(values[i]) ? (words[i]! >>> 16) | 0x40 : roundedShift(words[i]!, 16);
  }
  return bits;
}

const wordsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  // Without an exponent there is no leading 1.
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function float16Bits(word: number, value: number): number {
  const sign = (word >>> 16) & 0x8000;
  if (Number.isNaN(value)) return sign | 0x7e00;
  const size = word & 0x7fffffff;
  // 65520 and above round to infinity.
  if (size >= 0x477ff000) return sign | 0x7c00;
  // Below 2^-14 there is no leading 1: a whole number of 2^-24. A carry gives the smallest number that has one.
  if (size < 0x38800000) return sign | toEven(Math.abs(value) * 2 ** 24);
  // The exponents' biases differ by 112.
  return sign | roundedShift(size - (112 << 23), 13);
}

/** A whole number without its lowest bits, rounded to even. */
function roundedShift(word: number, bits: number): number {
  const half = 2 ** (bits - 1);
  const odd = (word >>> bits) & 1;
  return (word + (half - 1) + odd) >>> bits;
}

function toEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
