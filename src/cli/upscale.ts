import {Command} from 'commander';
import type {BackendName} from '../node/backends/choice.js';
import {BACKEND_CHOICES, useBackend} from '../node/backends/choice.js';
import {decodeImage} from '../node/photos/decode.js';
import {isSameFile} from '../node/system/files.js';
import {upscaleToFile} from '../node/photos/upscale-to-file.js';
import {requireWritableImage} from '../node/photos/write.js';
import {MODEL_OPTION, loadRunModel} from './model-option.js';

interface UpscaleCommandOptions {
  model?: string;
  tile: number;
  overlap?: number;
  backend: string;
}

/** `tfjs-ragan upscale`. */
export function upscaleCommand(): Command {
  return new Command('upscale')
    .description('Enlarge a picture with a trained model; transparency is kept.')
    .argument('<input>', 'the picture: .jpg, .png, .webp, .tif, .gif or .avif')
    .argument('<output>', 'where to write the large one: .jpg, .png or .webp')
    .option(...MODEL_OPTION)
    .option('--tile <pixels>', 'size of the tiles it is computed in: smaller takes less memory', Number, 96)
    .option('--overlap <pixels>', 'how much around each tile is looked at too (default: enough, at most 32)', Number)
    .option('--backend <name>', BACKEND_CHOICES, 'auto')
    .action(async (input: string, output: string, options: UpscaleCommandOptions) => {
      await requireWritableImage(output);
      if (await isSameFile(input, output)) {
        throw new Error(`cannot write ${output}: it is the picture to enlarge; choose another name`);
      }
      await useBackend(options.backend as BackendName | 'auto');
      const pixels = await decodeImage(input, {alpha: true});
      const model = await loadRunModel(options.model);
      const {width, height} = await upscaleToFile(model, pixels, output, {
        tile: options.tile,
        ...(options.overlap !== undefined && {overlap: options.overlap}),
        onProgress: showProgress,
      });
      model.dispose();
      process.stdout.write(`${output}: ${pixels.width} x ${pixels.height} -> ${width} x ${height}\n`);
    });
}

function showProgress(done: number): void {
  if (process.stdout.isTTY) process.stdout.write(`\r${Math.round(done * 100)} %${done === 1 ? '\r\u001b[K' : ''}`);
}
