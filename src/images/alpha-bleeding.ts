import type {ArrayImage} from './resize-array.js';

/** A picture of 3 channels, or 4 with alpha, whose values go from 0 to `white`. */
export interface Picture extends ArrayImage {
  white: number;
}

/**
 * From this alpha on, of 1, a pixel's colour counts in full. Below, it can hardly be seen, and in 8 bits it may be far
 * off: browsers keep colours multiplied by their alpha.
 */
const TRUSTED_ALPHA = 1 / 16;

/** What has become of a pixel; those outside the picture are never looked at. */
const [OUTSIDE, WAITING, QUEUED, DONE] = [0, 1, 2, 3];

/**
 * A picture with alpha as one of 3 channels, in which colours that cannot be seen are replaced by those next to them.
 *
 * A model that enlarges looks at a pixel's surroundings, so that what is hidden there gets into what is seen: a cut-out on
 * transparent black would come out with a dark rim. Ring by ring outwards, each hidden pixel becomes the mean of its
 * neighbours that are done; one that is hardly visible keeps its colour in part, as its alpha says. Where nothing is
 * visible at all, every colour stays.
 */
export function bleedColours({data, height, width, white}: Picture): Picture {
  const pixels = height * width;
  const colours = new Float32Array(3 * pixels);
  let strongest = 0;
  for (let i = 0; i < pixels; i++) {
    for (let channel = 0; channel < 3; channel++) colours[3 * i + channel] = data[4 * i + channel]!;
    strongest = Math.max(strongest, data[4 * i + 3]!);
  }
  const trusted = Math.min(TRUSTED_ALPHA * white, strongest);

  // With a border around it, so that every pixel has eight neighbours.
  const stride = width + 2;
  const state = new Uint8Array(stride * (height + 2)).fill(OUTSIDE);
  const place = (pixel: number) => pixel + stride + 1 + 2 * Math.floor(pixel / width);
  const beside = [-1, 0, 1].flatMap(y => [-1, 0, 1].map(x => ({pixels: y * width + x, places: y * stride + x})));
  let hidden = 0;
  for (let i = 0; i < pixels; i++) {
    const isHidden = data[4 * i + 3]! < trusted;
    state[place(i)] = isHidden ? WAITING : DONE;
    if (isHidden) hidden++;
  }

  const queue = new Int32Array(hidden);
  let queued = 0;
  const enqueueNeighbours = (pixel: number) => {
    const at = place(pixel);
    for (const {pixels, places} of beside) {
      if (state[at + places] !== WAITING) continue;
      state[at + places] = QUEUED;
      queue[queued++] = pixel + pixels;
    }
  };
  const blend = (pixel: number) => {
    const at = place(pixel);
    let [red, green, blue, count] = [0, 0, 0, 0];
    for (const {pixels, places} of beside) {
      if (state[at + places] !== DONE) continue;
      red += colours[3 * (pixel + pixels)]!;
      green += colours[3 * (pixel + pixels) + 1]!;
      blue += colours[3 * (pixel + pixels) + 2]!;
      count++;
    }
    const own = Math.max(0, data[4 * pixel + 3]! / trusted);
    const others = (1 - own) / count;
    colours[3 * pixel] = own * colours[3 * pixel]! + others * red;
    colours[3 * pixel + 1] = own * colours[3 * pixel + 1]! + others * green;
    colours[3 * pixel + 2] = own * colours[3 * pixel + 2]! + others * blue;
  };
  if (hidden > 0) for (let i = 0; i < pixels; i++) if (state[place(i)] === DONE) enqueueNeighbours(i);
  for (let begin = 0; begin < queued;) {
    const end = queued;
    for (let i = begin; i < end; i++) blend(queue[i]!);
    for (let i = begin; i < end; i++) state[place(queue[i]!)] = DONE;
    for (let i = begin; i < end; i++) enqueueNeighbours(queue[i]!);
    begin = end;
  }
  return {data: colours, height, width, channels: 3, white};
}
