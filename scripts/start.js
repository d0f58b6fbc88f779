// Trains on the sample photos, for a minute or two: `npm start`. It fine-tunes the model in the box, or with
// `npm start -- --from-scratch` begins a smaller network from nothing. Further options are those of `tfjs-ragan train`.
import {spawnSync} from 'node:child_process';

const FINE_TUNING = {
  '--init': 'default',
  '--filters': 32,
  '--growth': 16,
  '--blocks': 2,
  '--warmup-steps': 0,
  '--steps': 60,
  '--learning-rate': 1e-5,
  '--discriminator-learning-rate': 1e-3,
  '--adversarial-weight': 0.05,
  '--sample-every': 20,
};

const given = process.argv.slice(2);
const options = given.filter(option => option !== '--from-scratch');
const settings = given.includes('--from-scratch') ? [] : Object.entries(FINE_TUNING).flat().map(String);
const photos = ['--data', 'examples/photos/train', '--validation', 'examples/photos/val', '--out', 'run'];
const command = ['dist/esm/cli/main.js', 'train', ...photos, ...settings, ...options];
const {status, signal, error} = spawnSync(process.execPath, command, {stdio: 'inherit'});
if (error) throw error;
process.exitCode = signal ? 130 : status;
