// What UpscalerJS makes of a picture in a page; the bundle makes these exports the global `page`.
import * as tf from '@tensorflow/tfjs';
import {setThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
import type {ModelDefinition} from 'upscaler';
import * as upscalerjs from 'upscaler';
// Not exported: the definition of all of its ESRGAN models, with the layers that it has of its own.
// eslint-disable-next-line @typescript-eslint/ban-ts-comment
// @ts-ignore: it has no types there.
import {getESRGANModelDefinition} from '../../node_modules/@upscalerjs/esrgan-slim/dist/esm/packages/shared/src/esrgan/esrgan.js';

/** What its types leave out. */
const {default: Upscaler} = upscalerjs as unknown as {
  default: new (options: {model: ModelDefinition}) => {
    execute: (picture: tf.Tensor3D, options: object) => Promise<tf.Tensor3D>;
  };
};

export interface Picture {
  /** Values from 0 to 255. */
  values: number[];
  height: number;
  width: number;
}

/** By UpscalerJS's definition of a model of this kind, whose model.json is at a URL. */
export function enlargeAs(architecture: 'rdn' | 'rrdn', scale: number, path: string, picture: Picture) {
  const define = getESRGANModelDefinition as (of: object) => ModelDefinition;
  return enlarge({...define({scale, name: '', version: '', meta: {architecture}}), path}, picture);
}

/** By the definition that a script at a URL exports, in patches where their size is given. */
export async function enlargeBy(url: string, picture: Picture, patches?: {patchSize: number; padding: number}) {
  const {default: definition} = (await import(url)) as {default: ModelDefinition};
  return enlarge(definition, picture, patches);
}

/** What a script at a URL exports. */
export async function exportsOf(url: string): Promise<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(await import(url))) as Record<string, unknown>;
}

async function enlarge(
  definition: ModelDefinition,
  {values, height, width}: Picture,
  patches: {patchSize?: number; padding?: number} = {},
): Promise<number[]> {
  setWasmPaths('/wasm/');
  setThreadsCount(1);
  if (!(await tf.setBackend('wasm'))) throw new Error('the wasm backend could not be initialised');
  const upscaler = new Upscaler({model: definition});
  const picture = tf.tensor3d(values, [height, width, 3]);
  const large = await upscaler.execute(picture, {output: 'tensor', ...patches});
  return Array.from(await large.data());
}
