import {Command, Option} from 'commander';
import {dirname} from 'node:path';
import {useBackend} from '../node/backends/choice.js';
import {loadModel, saveModel} from '../node/models/files.js';
import {FORMATS} from '../node/models/formats.js';
import type {ModelFormat} from '../node/models/formats.js';
import {locateModel} from '../node/models/locate.js';
import type {StoredType} from '../node/models/stored-weights.js';
import {isSameFile} from '../node/system/files.js';
import {runModel} from '../node/runs/run-model.js';
import {MODEL_FORMS} from './model-option.js';

/** The formats by the programs that they are for. */
const PROGRAMS: Readonly<Record<string, ModelFormat>> = {
  tfjs: 'tfjs',
  upscalerjs: 'upscalerjs',
  pytorch: 'safetensors',
  onnx: 'onnx',
};

interface ExportOptions {
  to: keyof typeof PROGRAMS;
  weights: StoredType;
}

const WEIGHT_TYPES = [...new Set(Object.values(FORMATS).flatMap(({types}) => types))];

/** `tfjs-ragan export`. */
export function exportCommand(): Command {
  return new Command('export')
    .description('Write a model for other programs, or with smaller weights.')
    .argument('<model>', `a run's folder, ${MODEL_FORMS}`)
    .argument('<output>', 'where to write it, a folder or file; a model that is there is replaced')
    .addOption(
      new Option(
        '--to <program>',
        'tfjs: a folder that tf.loadLayersModel reads; upscalerjs: one for new Upscaler({model}); pytorch: .safetensors, for ESRGANs and compact networks; onnx: .onnx',
      )
        .choices(Object.keys(PROGRAMS))
        .makeOptionMandatory(),
    )
    .addOption(new Option('--weights <type>', 'of the numbers in the file').choices(WEIGHT_TYPES).default('float32'))
    .addHelpText(
      'after',
      '\nfloat16 takes half of the bytes, and so does bfloat16 (pytorch); uint8 (tfjs) takes a quarter.\n' +
        'Example: npx tfjs-ragan export my-run public/model --to tfjs --weights float16',
    )
    .action(async (what: string, output: string, {to, weights}: ExportOptions) => {
      const [path, format] = [runModel(what), PROGRAMS[to]!];
      await requireNotItself(path, output);
      // It computes next to nothing, and this backend is always there.
      await useBackend('wasm');
      const model = await loadModel(path);
      await saveModel(model, output, {format, weights});
      model.dispose();
      process.stdout.write(`${output}: ${to}, weights of ${weights}\n`);
    });
}

/** Refuses to write over the model that is read. */
async function requireNotItself(model: string, output: string): Promise<void> {
  const {name} = (await locateModel(model)).source;
  const places = name.endsWith('.json') ? [name, dirname(name)] : [name];
  for (const place of places) {
    if (await isSameFile(place, output)) {
      throw new Error(`cannot write ${output}: it is the model to export; choose another name`);
    }
  }
}
