import {Command, InvalidArgumentError} from 'commander';
import {basename} from 'node:path';
import {TileRunner} from '../images/tile-runner.js';
import type {BackendName} from '../node/backends/choice.js';
import {BACKEND_CHOICES, useBackend} from '../node/backends/choice.js';
import type {PhotoScores, Scores} from '../node/runs/evaluation.js';
import {disposePhotos, evaluatePhoto, meanScores, validationPhoto} from '../node/runs/evaluation.js';
import type {PhotoFile} from '../node/photos/pairs.js';
import {listPhotos, listPhotosOrPairs} from '../node/runs/photos.js';
import {pairsOption, requirePairs} from './pairs-option.js';
import {MODEL_OPTION, SHARPNESS_OPTION, loadRunModel} from './model-option.js';

interface EvaluateOptions {
  data?: string;
  pairs?: string[];
  model: string[];
  sharpness?: number;
  crop: number;
  json: boolean;
  backend: string;
}

/** What a model scored, photo by photo and in the mean. */
interface Evaluation {
  photos: PhotoScores[];
  mean: {model: Scores; bicubic: Scores};
}

const [MODEL_FLAG, MODEL_TEXT] = MODEL_OPTION;

/** `tfjs-ragan evaluate`. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('Measure trained models on photos, beside bicubic enlargement: PSNR and SSIM on Y, and sharpness.')
    .option('--data <folder>', 'the photos: each is shrunk, enlarged by the model and compared with itself')
    .addOption(pairsOption('instead two folders, whose files are matched by name: those of the first are enlarged'))
    .option(MODEL_FLAG, `${MODEL_TEXT}; several are compared`, (name, before: string[]) => [...before, name], [])
    .option(...SHARPNESS_OPTION)
    .option('--crop <pixels>', 'how much of a photo is measured at most, from its middle', pixels, 2048)
    .option('--json', 'print JSON', false)
    .option('--backend <name>', BACKEND_CHOICES, 'auto')
    .action(async (options: EvaluateOptions, command: Command) => {
      const {data, pairs, model: names, json} = options;
      if (data === undefined && pairs === undefined) {
        command.error("error: required option '--data <folder>' not specified, nor --pairs");
      }
      if (data !== undefined && pairs) throw new Error('--data and --pairs both name photos to measure on: give one');
      if (pairs) requirePairs(pairs);
      const folders = pairs ? {low: pairs[0], high: pairs[1]} : data!;
      // Before a backend is started; pairs are matched once a model tells the scale.
      const photos = typeof folders === 'string' ? await listPhotos(folders, warn) : [];
      const listed = (scale: number) =>
        typeof folders === 'string' ? photos : listPhotosOrPairs(folders, scale, warn);
      await useBackend(options.backend as BackendName | 'auto');
      if (names.length < 2) {
        const evaluation = await evaluate(names[0], listed, options);
        return json ? printJson(evaluation) : print('mean', evaluation.mean);
      }
      const evaluations: Record<string, Evaluation> = {};
      for (const name of names) {
        if (!json) process.stdout.write(`${name}:\n`);
        evaluations[name] = await evaluate(name, listed, options);
      }
      if (json) printJson({models: evaluations});
      else printComparison(evaluations);
    });
}

/** Measures one model on all photos that can be, and prints what each gives. */
async function evaluate(
  name: string | undefined,
  listed: (scale: number) => PhotoFile[] | Promise<PhotoFile[]>,
  {data, pairs, sharpness, crop, json}: EvaluateOptions,
): Promise<Evaluation> {
  const model = await loadRunModel(name, sharpness);
  let runner: TileRunner | undefined;
  try {
    runner = new TileRunner(model, {onWarning: warn});
    const {scale} = runner;
    const photos: PhotoScores[] = [];
    for (const file of await listed(scale)) {
      // What is wrong with a photo is no reason to stop, anything else is.
      const photo = await validationPhoto(file, scale, crop).catch((error: Error) =>
        warn(`skipping a photo: ${error.message}`),
      );
      if (!photo) continue;
      const scores = await evaluatePhoto(model, photo, scale, runner).finally(() => disposePhotos([photo]));
      photos.push(scores);
      if (!json) print(basename(scores.file), scores, croppingOf(scores, crop));
    }
    if (photos.length === 0) throw new Error(`no photo in ${data ?? pairs!.join(' and ')} could be measured`);
    const mean = {
      model: meanScores(photos.map(one => one.model)),
      bicubic: meanScores(photos.map(one => one.bicubic)),
    };
    return {photos, mean};
  } finally {
    runner?.dispose();
    model.dispose();
  }
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
  process.stdout.write(`${name.padEnd(28)} ${figures(model)}   bicubic ${figures(bicubic)}${remark}\n`);
}

/** The means of several models under each other, beside bicubic enlargement by as much. */
function printComparison(evaluations: Record<string, Evaluation>): void {
  const rows = Object.entries(evaluations).map(([name, {mean}]) => [name, figures(mean.model), figures(mean.bicubic)]);
  const table = [['mean', 'PSNR-Y     SSIM-Y  sharpness', 'bicubic'], ...rows];
  const widths = [0, 1].map(column => Math.max(...table.map(row => row[column]!.length)));
  const lines = table.map(
    ([name, own, bicubic]) => `${name!.padEnd(widths[0]!)}  ${own!.padEnd(widths[1]!)}  ${bicubic}`,
  );
  process.stdout.write(`\n${lines.join('\n')}\n`);
}

function figures({psnrY, ssimY, sharpness}: Scores): string {
  return `${psnrY.toFixed(2).padStart(6)} dB  ${ssimY.toFixed(4)}  ${sharpness.toFixed(3)}`;
}

function printJson(value: unknown): void {
  process.stdout.write(JSON.stringify(value, null, 2) + '\n');
}
