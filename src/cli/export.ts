import {Command, Option} from 'commander';
import {dirname} from 'node:path';
import {useBackend} from '../node/backends/choice.js';
import {loadModel, saveModel} from '../node/models/files.js';
import type {SaveModelOptions} from '../node/models/files.js';
import {FORMATS} from '../node/models/formats.js';
import {locateModel} from '../node/models/locate.js';
import {isSameFile} from '../node/system/files.js';
import {MODEL_FORMS, runModel} from './model-option.js';

interface ExportOptions extends Required<Pick<SaveModelOptions, 'weights'>> {
  to: Required<SaveModelOptions>['format'];
}

const WEIGHT_TYPES = [...new Set(Object.values(FORMATS).flatMap(({types}) => types))];

/** `tfjs-ragan export`. */
export function exportCommand(): Command {
  return new Command('export')
    .description('Write a model for other programs, or with smaller weights.')
    .argument('<model>', `a run's folder, ${MODEL_FORMS}`)
    .argument('<output>', 'where to write it, a folder; a model that is there is replaced')
    .addOption(
      new Option('--to <format>', 'tfjs: what tf.loadLayersModel reads')
        .choices(Object.keys(FORMATS))
        .makeOptionMandatory(),
    )
    .addOption(new Option('--weights <type>', 'of the numbers in the file').choices(WEIGHT_TYPES).default('float32'))
    .addHelpText(
      'after',
      '\nfloat16 takes half of the bytes, uint8 a quarter with a loss that can be seen; all are computed with as float32.\n' +
        'Example: npx tfjs-ragan export my-run public/model --to tfjs --weights float16',
    )
    .action(async (what: string, output: string, {to, weights}: ExportOptions) => {
      const path = runModel(what);
      await requireNotItself(path, output);
      // It computes next to nothing, and this backend is always there.
      await useBackend('wasm');
      const model = await loadModel(path);
      await saveModel(model, output, {format: to, weights});
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
