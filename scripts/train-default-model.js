// Trains the model that comes with the package, and writes it to models/x4 with weights of 16 bits.
//   npm run train-default-model [-- --data FOLDER --out RUN]
// Hours; Ctrl-C stops it with a checkpoint, and the same command goes on. models/x4/README.md says what the one there was
// trained on.
import {execFileSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {toFloat16} from '../dist/esm/models/half-floats.js';

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
const command = ['dist/esm/cli/main.js', 'train', '--data', options.data, '--out', options.out, ...settings, ...resume];
execFileSync(process.execPath, command, {stdio: 'inherit'});
store(join(options.out, 'model'), 'models/x4');

/** Writes a model with its weights rounded to 16 bits, which tfjs reads as they are. */
function store(from, to) {
  const json = JSON.parse(readFileSync(join(from, 'model.json'), 'utf8'));
  const bytes = readFileSync(join(from, 'weights.bin'));
  const halves = toFloat16(new Float32Array(new Uint8Array(bytes).buffer));
  for (const weight of json.weightsManifest.flatMap(group => group.weights)) {
    if (weight.dtype !== 'float32' || weight.quantization) throw new Error(`${weight.name} is not of 32-bit floats`);
    weight.quantization = {dtype: 'float16'};
  }
  mkdirSync(to, {recursive: true});
  writeFileSync(join(to, 'weights.bin'), new Uint8Array(halves.buffer));
  writeFileSync(join(to, 'model.json'), JSON.stringify(json));
}
