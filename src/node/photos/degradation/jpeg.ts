import type {Sharp} from '../sharp.js';
import {importSharp, sharpProblem} from '../sharp.js';
import type {Planes} from './planes.js';
import {bytesOf, planesOf} from './planes.js';

/** What a JPEG of a quality, with colours at half the resolution, leaves of a picture. @throws one line if sharp is missing. */
export async function jpeg(picture: Planes, quality: number): Promise<Planes> {
  const sharp = await requireSharp();
  const {width, height} = picture;
  const raw = {width, height, channels: 3} as const;
  const file = await sharp(bytesOf(picture), {raw}).jpeg({quality, chromaSubsampling: '4:2:0'}).toBuffer();
  return planesOf({data: await sharp(file).toColourspace('srgb').raw().toBuffer(), width, height});
}

/** Sharp, which no degradation goes without. @throws one line if it is missing. */
export async function requireSharp(): Promise<Sharp> {
  const sharp = await importSharp();
  if (!sharp) throw new Error(`the degradations of Real-ESRGAN have JPEG among them, but ${await sharpProblem()}`);
  return sharp;
}
