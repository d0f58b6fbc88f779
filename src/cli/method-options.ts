import {Option} from 'commander';
import {RECIPES} from '../node/runs/recipes.js';
import {number, numbers} from './number-option.js';

/** The options of `train` that say which networks learn by which losses, and the recipes, which say it all at once. */
export function methodOptions(): Option[] {
  const option = (flags: string, text: string) => new Option(flags, text);
  return [
    option('--recipe <name>', `the settings of a published model, as far as no others are given: ${names()}`),
    option(
      '--degradation <name>',
      'of what is learned from: bicubic, or real-esrgan for blur, noise and JPEG (default: bicubic)',
    ),
    option('--network <name>', 'the generator: esrgan, or compact for browsers (default: esrgan)'),
    option('--convolutions <number>', 'of the compact generator (default: 16)').argParser(number),
    option('--discriminator <name>', 'the critic: vgg, unet or patch (default: vgg)'),
    option('--loss <name>', 'relativistic average, relativistic paired, or standard (default: average)'),
    option('--perceptual <file>', 'a safetensors file of VGG19, whose features the GAN stage compares too: see below'),
    option('--perceptual-weight <number>', 'of that loss (default: 1)').argParser(number),
    option('--perceptual-layers <name>', "its layers: esrgan's or real-esrgan's (default: esrgan)"),
    option('--r1 <gamma>', "weight of a penalty on the critic's slope at real pictures (default: 0)").argParser(number),
    option('--r2 <gamma>', 'the same at generated ones (default: 0)').argParser(number),
    option('--beta1 <number>', "Adam's momentum, 0 for none (default: 0.9)").argParser(number),
    option(
      '--halve-at <steps...>',
      'steps of the GAN at which the rates halve, or none, in place of a cosine',
    ).argParser(numbers),
    option('--warmup-halve-at <steps...>', 'the same in the warm-up').argParser(numbers),
    option('--weight-average <decay>', 'keep an average of the weights as the model, 0.999 say (default: 0)').argParser(
      number,
    ),
  ];
}

/** What `--perceptual` does, for `--help`. */
export const PERCEPTUAL_HELP = `--perceptual adds the papers' perceptual loss to the GAN stage, whose steps then take several times as long.
It changes no other weight: ESRGAN's are --content-weight 0.01 and --adversarial-weight 0.005 beside it, as
--recipe esrgan has them. docs/perceptual-losses.md says how to get the file, in two lines of Python.`;

/** What the recipes are, for `--help`. */
export const RECIPES_HELP = `Recipes:
  esrgan       ESRGAN as published: 23 blocks, patches of 128
  real-esrgan  Real-ESRGAN as published: 23 blocks, its degradations, a critic for each pixel, patches of 256
  compact      the same with Real-ESRGAN's small generator, for browsers
  r3gan        relativistic pairs with R1 and R2, no momentum, batches of 256; the network is that of the other options`;

function names(): string {
  return Object.keys(RECIPES).join(', ');
}
