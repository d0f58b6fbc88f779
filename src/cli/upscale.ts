import {Command} from 'commander';
import {upscale} from '../images/upscale.js';
import type {BackendName} from '../node/backend.js';
import {BACKEND_CHOICES, useBackend} from '../node/backend.js';
import {readImage, requireWritableImage, writeImage} from '../node/image-files.js';
import {loadRunModel} from './model-option.js';

/** `tfjs-ragan upscale`. */
export function upscaleCommand(): Command {
  return new Command('upscale')
    .description('Enlarge a picture with a trained model; transparency is kept.')
    .argument('<input>', 'the picture: .jpg, .png or .webp')
    .argument('<output>', 'where to write the large one')
    .requiredOption('--model <folder>', "a run's folder, or the folder of a model")
    .option('--tile <pixels>', 'size of the tiles it is computed in: smaller takes less memory', Number, 96)
    .option('--backend <name>', BACKEND_CHOICES, 'auto')
    .action(async (input: string, output: string, options: {model: string; tile: number; backend: string}) => {
      await requireWritableImage(output);
      await useBackend(options.backend as BackendName | 'auto');
      const image = await readImage(input, {alpha: true});
      const model = await loadRunModel(options.model);
      const large = await upscale(model, image, {tile: options.tile, onProgress: showProgress});
      await writeImage(output, large);
      process.stdout.write(
        `${output}: ${image.shape[1]} x ${image.shape[0]} -> ${large.shape[1]} x ${large.shape[0]}\n`,
      );
      model.dispose();
      image.dispose();
      large.dispose();
    });
}

function showProgress(done: number): void {
  if (process.stdout.isTTY) process.stdout.write(`\r${Math.round(done * 100)} %${done === 1 ? '\r\u001b[K' : ''}`);
}
