import {Command} from 'commander';
import {BACKEND_CHOICES} from '../node/backends/choice.js';
import {progressDisplay} from '../node/runs/progress-display.js';
import {configText, readConfig} from '../node/runs/config.js';
import {recipeSettings} from '../node/runs/recipes.js';
import {savedSettings} from '../node/runs/resumed-settings.js';
import {DEFAULT_SETTINGS, requireEverySetting, settingsOver} from '../node/runs/settings.js';
import type {TrainSettings} from '../node/runs/settings.js';
import {trainEsrgan} from '../node/runs/train-esrgan.js';
import type {Scores} from '../node/runs/evaluation.js';
import {methodOptions, PERCEPTUAL_HELP, RECIPES_HELP} from './method-options.js';
import {MODEL_FORMS} from './model-option.js';
import {number} from './number-option.js';
import {pairsOption, requirePairs} from './pairs-option.js';
import {onOutputLost} from './output.js';
import {onStopSignal} from './stop-signals.js';

/** `tfjs-ragan train`; `report` receives the exit code. */
export function trainCommand(report: (code: number) => void): Command {
  const defaults = DEFAULT_SETTINGS;
  const command = new Command('train')
    .description('Train an ESRGAN on a folder of photos: a warm-up on pixels, then the relativistic GAN.')
    .option('--data <folder>', 'photos to learn from (.jpg, .png, .webp, .tif, .gif, .avif), with the folders below it')
    .addOption(pairsOption('instead two folders, low and high resolution, whose files are matched by name'))
    .option('--validation <folder...>', 'photos to measure on, or two folders of pairs (default: a tenth, held out)')
    .option('--out <folder>', 'where the run is kept', defaults.out)
    .option('--resume', 'go on with the run in --out, by its own settings where no others are given', defaults.resume)
    .option(
      '--init <model>',
      `what to start from: a run's folder, ${MODEL_FORMS}; "default" is the one that comes with tfjs-ragan`,
    )
    .option('--scale <number>', 'how many times larger: 2, 4 or 8', number, defaults.scale)
    .option('--filters <number>', 'feature maps of the generator', number, defaults.filters)
    .option('--growth <number>', 'feature maps that each dense layer adds', number, defaults.growth)
    .option('--blocks <number>', 'residual-in-residual dense blocks', number, defaults.blocks)
    .option(
      '--discriminator-filters <number>',
      "feature maps of the critic's first layers",
      number,
      defaults.discriminatorFilters,
    )
    .option('--patch <pixels>', 'size of the high-resolution patches: 8, 16, 32, ...', number, defaults.patch)
    .option('--batch <number>', 'patches in a batch', number, defaults.batch)
    .option(
      '--micro-batch <number>',
      'patches computed at once, for less memory with the same result (default: the batch)',
      number,
    )
    .option('--recompute', "compute the generator's activations twice instead of keeping them: slower, in less memory")
    .option('--warmup-steps <number>', 'steps on pixels alone', number, defaults.warmupSteps)
    .option('--steps <number>', 'steps of the GAN after them', number, defaults.steps)
    .option('--warmup-learning-rate <number>', "the generator's, in the warm-up", number, defaults.warmupLearningRate)
    .option('--learning-rate <number>', "the generator's, in the GAN", number, defaults.learningRate)
    .option('--discriminator-learning-rate <number>', "the critic's", number, defaults.discriminatorLearningRate)
    .option(
      '--adversarial-weight <number>',
      "of the adversarial loss in the generator's",
      number,
      defaults.adversarialWeight,
    )
    .option('--content-weight <number>', 'of the pixel loss', number, defaults.contentWeight)
    .option('--seed <number>', 'all random choices follow from it', number, defaults.seed)
    .option('--backend <name>', BACKEND_CHOICES, defaults.backend)
    .option('--threads <number>', 'threads of wasm, or of TensorFlow on the CPU (default: all cores)', number)
    .option('--sample-every <steps>', 'steps between sample sheets', number, defaults.sampleEvery)
    .option('--checkpoint-every <steps>', 'steps between checkpoints', number, defaults.checkpointEvery)
    .option('--keep-checkpoints <number>', 'how many of the last ones stay (default: 2)', number)
    .option('--keep-best <score>', 'keep the best one too, by psnrY, ssimY or sharpness; its model is in RUN/best')
    .option('--tensorboard', 'write what TensorBoard shows too: tensorboard --logdir RUN')
    .addHelpText(
      'after',
      `\n${PERCEPTUAL_HELP}\n` +
        '\nThe defaults make a small network in minutes on a laptop. The recipes are for days on a GPU; with\n' +
        '--micro-batch 1 they train in the memory of one patch. What is given beside a recipe stands for it.\n\n' +
        `${RECIPES_HELP}\n\n` +
        'Exit codes: 0 finished; 1 diverged (losses, weights or pictures of NaN: the last good checkpoint stays, and no\n' +
        'model is written); 2 bad input, or files that cannot be read or written; 130 stopped by a signal, with a checkpoint.',
    )
    .option('--config <file>', 'settings of a JSON file, or of the run in a folder, as far as no others are given')
    .option('--print-config', 'print what --config takes of these options, and train nothing', false)
    .action(async ({printConfig, ...options}: ParsedOptions & {printConfig: boolean}, command: Command) => {
      const settings = await completeSettings(options, command);
      if (printConfig) return printSettings(settings);
      if (settings.data === undefined && settings.pairs === undefined) {
        command.error("error: required option '--data <folder>' not specified, nor --pairs");
      }
      report(await train(settings));
    });
  for (const option of methodOptions()) command.addOption(option);
  return command;
}

/** What commander makes of the command line: lists of folders, however many were given. */
type ParsedOptions = Omit<TrainSettings, 'pairs' | 'validation'> & {
  pairs?: string[];
  validation?: string[];
  recipe?: string;
  config?: string;
};

/**
 * The settings: those that were given, and for the rest the recipe's, the config's, the run's own if it goes on, or the
 * defaults, in this order.
 */
async function completeSettings(
  {pairs, validation, recipe, config, ...rest}: ParsedOptions,
  command: Command,
): Promise<TrainSettings> {
  if (pairs) requirePairs(pairs);
  const isGiven = ([name]: [string, unknown]) => command.getOptionValueSource(name) === 'cli';
  const given = {
    ...Object.fromEntries(Object.entries(rest).filter(isGiven)),
    ...(pairs && {pairs}),
    // One folder or two; more of them are refused with the other settings.
    ...(validation && {validation: validation.length === 1 ? validation[0] : validation}),
  } as Partial<TrainSettings>;
  const before: TrainSettings = rest.resume ? await savedSettings(rest.out) : DEFAULT_SETTINGS;
  const read = config === undefined ? {} : await readConfig(config);
  const chosen = recipe === undefined ? {} : recipeSettings(recipe);
  const settings = [read, chosen, given].reduce(settingsOver, before) as TrainSettings;
  // That of a recipe is for photos that have no low-resolution side.
  if (settings.pairs && given.degradation === undefined) delete settings.degradation;
  return {...settings, resume: rest.resume, ...(rest.resume && {out: rest.out})};
}

function printSettings(settings: TrainSettings): void {
  requireEverySetting(settings);
  process.stdout.write(configText(settings));
}

async function train(settings: TrainSettings): Promise<number> {
  const abort = new AbortController();
  const progress = progressDisplay(process.stdout);
  const takeBack = [
    onStopSignal(() => {
      abort.abort();
      progress.say('stopping with a checkpoint; once more ends at once, without one');
    }),
    onOutputLost(() => abort.abort()),
  ];
  let comparedWithBicubic = false;
  try {
    const {finished, step, summary} = await trainEsrgan(
      settings,
      {
        onStart: ({backend, reason, passes, photos, validation, firstStep, steps}) => {
          progress.say(`backend ${backend}: ${reason}`);
          progress.say(
            `${photos} photos, ${steps} steps, ${passes === 'one' ? 'one pass' : 'separate passes'} per GAN step`,
          );
          progress.say(`measured on ${validation}`);
          progress.start(firstStep, steps);
        },
        onStep: (step, stage, speed) => progress.step(step, stage, speed),
        onLosses: (_, losses) => progress.losses(losses),
        onEvaluation: (point, scores, bicubic) => {
          if (!comparedWithBicubic) progress.say(scoresLine('bicubic', bicubic));
          comparedWithBicubic = true;
          progress.say(scoresLine(point, scores));
        },
        onWarning: progress.say,
      },
      abort.signal,
    );
    progress.stop();
    if (!finished) {
      progress.say(`stopped after step ${step}; the same command with --resume goes on`);
      return 130;
    }
    const speed = `${summary.imagesPerSecond} images/s${summary.captured ? ', steps captured' : ''}`;
    progress.say(`${summary.steps} steps in ${Math.round(summary.seconds)} s, ${speed}`);
    progress.say(`look at it: ${settings.out}/report.html`);
    progress.say(`use it: npx tfjs-ragan upscale in.jpg out.png --model ${settings.out}`);
    return 0;
  } finally {
    progress.stop();
    for (const take of takeBack) take();
  }
}

function scoresLine(name: string, {psnrY, ssimY, sharpness}: Scores): string {
  const [psnr, ssim, edges] = [psnrY.toFixed(2).padStart(5), ssimY.toFixed(3), sharpness.toFixed(3)];
  return `${name.padEnd(12)} PSNR-Y ${psnr} dB  SSIM-Y ${ssim}  sharpness ${edges}`;
}
