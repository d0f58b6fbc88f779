import {Command, InvalidArgumentError} from 'commander';
import {basename} from 'node:path';
import {modelScale} from '../images/model-scale.js';
import type {BackendName} from '../node/backends/choice.js';
import {BACKEND_CHOICES, useBackend} from '../node/backends/choice.js';
import type {PhotoScores, Scores} from '../node/runs/evaluation.js';
import {disposePhotos, evaluatePhoto, meanScores, validationPhoto} from '../node/runs/evaluation.js';
import {listPhotos} from '../node/runs/photos.js';
import {MODEL_OPTION, loadRunModel} from './model-option.js';

interface EvaluateOptions {
  data: string;
  model?: string;
  crop: number;
  json: boolean;
  backend: string;
}

/** `tfjs-ragan evaluate`. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('Measure a trained model on photos, beside bicubic enlargement: PSNR and SSIM on Y, and sharpness.')
    .requiredOption('--data <folder>', 'the photos: each is shrunk, enlarged by the model and compared with itself')
    .option(...MODEL_OPTION)
    .option('--crop <pixels>', 'how much of a photo is measured at most, from its middle', pixels, 2048)
    .option('--json', 'print JSON', false)
    .option('--backend <name>', BACKEND_CHOICES, 'auto')
    .action(async (options: EvaluateOptions) => {
      const files = await listPhotos(options.data, warn);
      await useBackend(options.backend as BackendName | 'auto');
      const model = await loadRunModel(options.model);
      const scale = modelScale(model);
      const results: PhotoScores[] = [];
      for (const file of files) {
        // What is wrong with a photo is no reason to stop, anything else is.
        const photo = await validationPhoto(file, scale, options.crop).catch((error: Error) =>
          warn(`skipping a photo: ${error.message}`),
        );
        if (!photo) continue;
        results.push(await evaluatePhoto(model, photo, scale).finally(() => disposePhotos([photo])));
        if (!options.json) print(basename(file), results.at(-1)!, croppingOf(results.at(-1)!, options.crop));
      }
      model.dispose();
      if (results.length === 0) throw new Error(`no photo in ${options.data} could be measured`);
      const mean = {
        model: meanScores(results.map(one => one.model)),
        bicubic: meanScores(results.map(one => one.bicubic)),
      };
      if (options.json) process.stdout.write(JSON.stringify({photos: results, mean}, null, 2) + '\n');
      else print('mean', mean);
    });
}

function warn(message: string): void {
  process.stderr.write(`${message}\n`);
}

function pixels(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return value;
}

/** What of a photo was measured, if not the whole. */
function croppingOf({size, measured}: PhotoScores, crop: number): string {
  if (Math.max(size.width, size.height) <= crop) return '';
  return `   ${measured.width} x ${measured.height} in the middle of ${size.width} x ${size.height} pixels`;
}

function print(name: string, {model, bicubic}: {model: Scores; bicubic: Scores}, remark = ''): void {
  const line = ({psnrY, ssimY, sharpness}: Scores) =>
    `${psnrY.toFixed(2).padStart(6)} dB  ${ssimY.toFixed(4)}  ${sharpness.toFixed(3)}`;
  process.stdout.write(`${name.padEnd(28)} ${line(model)}   bicubic ${line(bicubic)}${remark}\n`);
}
