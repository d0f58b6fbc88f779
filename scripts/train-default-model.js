// Trains the model that comes with the package, and writes it to models/x4 with weights of 16 bits.
//   npm run train-default-model [-- --data FOLDER --out RUN]
// Hours; Ctrl-C stops it with a checkpoint, and the same command goes on. models/x4/README.md says what the one there was
// trained on.
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {parseArgs} from 'node:util';

const {values: options} = parseArgs({
  options: {
    data: {type: 'string', default: 'examples/photos/train'},
    out: {type: 'string', default: 'run-default-model'},
  },
});
const SETTINGS = {
  '--validation': 'examples/photos/val',
  '--filters': 32,
  '--growth': 16,
  '--blocks': 2,
  '--discriminator-filters': 16,
  '--patch': 128,
  '--batch': 8,
  '--warmup-steps': 50_000,
  '--warmup-learning-rate': 1e-3,
  '--steps': 0,
  '--sample-every': 5000,
  '--checkpoint-every': 1000,
};

const settings = Object.entries(SETTINGS).flatMap(([name, value]) => [name, String(value)]);
const resume = existsSync(join(options.out, 'checkpoint.bin')) ? ['--resume'] : [];
const tfjsRagan = (...args) => execFileSync(process.execPath, ['dist/esm/cli/main.js', ...args], {stdio: 'inherit'});
tfjsRagan('train', '--data', options.data, '--out', options.out, ...settings, ...resume);
tfjsRagan('export', options.out, 'models/x4', '--to', 'tfjs', '--weights', 'float16');
