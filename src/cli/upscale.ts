import type * as tf from '@tensorflow/tfjs';
import {Command} from 'commander';
import {stat} from 'node:fs/promises';
import type {UpscaleOptions} from '../images/upscale.js';
import type {BackendName} from '../node/backends/choice.js';
import {BACKEND_CHOICES, useBackend} from '../node/backends/choice.js';
import {decodeImage} from '../node/photos/decode.js';
import {planFolder, upscaleItems} from '../node/photos/upscale-folder.js';
import type {PictureSize} from '../node/photos/pixels.js';
import {upscaleToFile} from '../node/photos/upscale-to-file.js';
import {requireWritableImage} from '../node/photos/write.js';
import {isSameFile, requireWritableFolder} from '../node/system/files.js';
import {MODEL_OPTION, SHARPNESS_OPTION, loadRunModel} from './model-option.js';

interface UpscaleCommandOptions {
  model?: string;
  sharpness?: number;
  ensemble: boolean;
  overwrite: boolean;
  tile?: number;
  overlap?: number;
  backend: string;
}

/** `tfjs-ragan upscale`. */
export function upscaleCommand(): Command {
  return new Command('upscale')
    .description(
      'Enlarge a picture, or all in a folder and the folders below it, with a trained model. Transparency, colour profile ' +
        'and EXIF data are kept; of a folder, what is in the output already is left as it is, so that the same command goes on.',
    )
    .argument('<input>', 'the picture: .jpg, .png, .webp, .tif, .gif or .avif; or a folder of them')
    .argument('<output>', 'where to write the large one: .jpg, .png or .webp; or a folder')
    .option(...MODEL_OPTION)
    .option(...SHARPNESS_OPTION)
    .option(
      '--ensemble',
      'the mean over eight turns and reflections: a little more exact, in eight times the time',
      false,
    )
    .option('--overwrite', 'of a folder, make anew what is in the output already', false)
    .option(
      '--tile <pixels>',
      'size of the tiles it is computed in: smaller takes less memory (default: 96, or a whole side that is little longer)',
      Number,
    )
    .option('--overlap <pixels>', 'how much around each tile is looked at too (default: enough, at most 32)', Number)
    .option('--backend <name>', BACKEND_CHOICES, 'auto')
    .action(async (input: string, output: string, options: UpscaleCommandOptions) => {
      const {model: name, sharpness, backend, overwrite, tile, overlap, ensemble} = options;
      const how = {
        ensemble,
        onWarning: warn,
        ...(tile !== undefined && {tile}),
        ...(overlap !== undefined && {overlap}),
      };
      const load = async () => {
        await useBackend(backend as BackendName | 'auto');
        return loadRunModel(name, sharpness);
      };
      const isFolder = await stat(input).then(
        found => found.isDirectory(),
        () => false,
      );
      await (isFolder ? wholeFolder(input, output, load, how, overwrite) : onePicture(input, output, load, how));
    });
}

type Load = () => Promise<tf.LayersModel>;

async function onePicture(input: string, output: string, load: Load, options: UpscaleOptions): Promise<void> {
  await requireWritableImage(output);
  if (await isSameFile(input, output)) {
    throw new Error(`cannot write ${output}: it is the picture to enlarge; choose another name`);
  }
  const pixels = await decodeImage(input, {alpha: true, ownColours: true});
  const model = await load();
  const to = await upscaleToFile(model, pixels, output, {...options, onProgress: showShare}, input).finally(clearLine);
  model.dispose();
  print(`${output}: ${described(pixels, to)}`);
}

async function wholeFolder(
  input: string,
  output: string,
  load: Load,
  options: UpscaleOptions,
  overwrite: boolean,
): Promise<void> {
  await requireWritableFolder(output);
  const planned = await planFolder(input, output, warn);
  const items = overwrite ? planned.map(item => ({...item, done: false})) : planned;
  const done = items.filter(item => item.done).length;
  if (done > 0) print(`${done} of ${items.length} pictures are in ${output} already; --overwrite makes them anew`);
  if (done === items.length) return;
  const model = await load();
  const label = (index: number) => `[${index + 1}/${items.length}]`;
  const failed = await upscaleItems(model, items, options, {
    onProgress: (item, index, share) => showShare(share, `${label(index)} ${item.input} `),
    onItem: (item, index, {from, to}) => {
      clearLine();
      print(`${label(index)} ${item.output}: ${described(from, to)}`);
    },
    onFailure: (_, index, message) => {
      clearLine();
      warn(`${label(index)} ${message}`);
    },
  });
  model.dispose();
  if (failed > 0) throw new Error(`${failed} of ${items.length} pictures could not be enlarged`);
}

function described(from: PictureSize, to: PictureSize): string {
  return `${from.width} x ${from.height} -> ${to.width} x ${to.height}`;
}

function showShare(done: number, what = ''): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${what}${Math.round(done * 100)} %`);
}

function clearLine(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}
