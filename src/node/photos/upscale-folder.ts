import type * as tf from '@tensorflow/tfjs';
import {access} from 'node:fs/promises';
import {join, relative, resolve, sep} from 'node:path';
import {TileRunner} from '../../images/tile-runner.js';
import type {UpscaleOptions} from '../../images/upscale-strips.js';
import {decodeImage} from './decode.js';
import {listReadableImages} from './files.js';
import type {PictureSize} from './pixels.js';
import {upscaleToFile} from './upscale-to-file.js';
import {isWritableName} from './write.js';

/** A picture of a folder and where its large one goes. */
export interface FolderItem {
  input: string;
  output: string;
  /** There is one there already. */
  done: boolean;
}

/** What `upscaleItems` tells while it works. */
export interface FolderEvents {
  onProgress?: (item: FolderItem, index: number, done: number) => void;
  onItem?: (item: FolderItem, index: number, sizes: Record<'from' | 'to', PictureSize>) => void;
  /** A picture that cannot be enlarged, in one line; the others still are. */
  onFailure?: (item: FolderItem, index: number, message: string) => void;
}

/**
 * The pictures of a folder and the folders below it, each with a place of the same name and the same folder in another:
 * those of kinds that cannot be written as `photo.tif.png`. What is in the output folder is no input.
 *
 * @throws one line: the folders are one, or as `listImages`.
 */
export async function planFolder(
  input: string,
  output: string,
  onWarning: (message: string) => void,
): Promise<FolderItem[]> {
  if (resolve(input) === resolve(output)) {
    throw new Error(`cannot write into ${output}: it is the folder of the pictures to enlarge; choose another`);
  }
  const outputs = resolve(output) + sep;
  const files = (await listReadableImages(input, onWarning)).filter(file => !resolve(file).startsWith(outputs));
  if (files.length === 0) throw new Error(`no picture in the folder ${input} but what is in ${output}`);
  return Promise.all(
    files.map(async file => {
      const name = relative(input, file);
      const place = join(output, isWritableName(name) ? name : `${name}.png`);
      return {
        input: file,
        output: place,
        done: await access(place).then(
          () => true,
          () => false,
        ),
      };
    }),
  );
}

/**
 * Enlarges one picture after the other, each into a file that is whole or not there, but for those that are done.
 *
 * @returns how many could not be enlarged.
 * @throws what goes wrong once a picture has been computed, as a disk that is full: it would with the next one too.
 */
export async function upscaleItems(
  model: tf.LayersModel,
  items: FolderItem[],
  options: UpscaleOptions,
  {onProgress, onItem, onFailure}: FolderEvents = {},
): Promise<number> {
  let failed = 0;
  // One for all pictures, so that what is captured serves them all.
  let runner: TileRunner | undefined;
  try {
    for (const [index, item] of items.entries()) {
      if (item.done) continue;
      let computing = false;
      const report = (done: number) => {
        computing = true;
        onProgress?.(item, index, done);
      };
      try {
        const pixels = await decodeImage(item.input, {alpha: true, ownColours: true});
        runner ??= new TileRunner(model, options);
        const how = {...options, onProgress: report};
        const to = await upscaleToFile(model, pixels, item.output, how, item.input, runner);
        onItem?.(item, index, {from: pixels, to});
      } catch (error) {
        if (computing) throw error;
        failed++;
        onFailure?.(item, index, (error as Error).message);
      }
    }
    return failed;
  } finally {
    runner?.dispose();
  }
}
