import {Command} from 'commander';
import {removeTensorFlow} from '../node/setup/remove.js';
import {setUpTensorFlow} from '../node/setup/setup.js';

interface SetupOptions {
  cuda: boolean;
  dir?: string;
  tensorflow?: string | true;
  tensorflowVersion?: string;
  remove: boolean;
}

/** `tfjs-ragan setup`. */
export function setupCommand(): Command {
  return new Command('setup')
    .description('Fetch TensorFlow and make it a backend here, several times faster than wasm (Linux on x86-64).')
    .option('--cuda', 'TensorFlow with CUDA 12 for NVIDIA GPUs (3.4 GB to fetch) instead of the CPU (275 MB)', false)
    .option('--dir <folder>', "keep what is fetched here (default: tfjs-ragan in the user's cache)")
    .option('--tensorflow [folder]', 'use a TensorFlow that is already installed: this one, or the one python3 finds')
    .option('--tensorflow-version <version>', 'fetch another version than the one this package was tested with')
    .option('--remove', 'undo: remove what setup made and fetched', false)
    .action(async ({dir, remove, cuda, tensorflow, tensorflowVersion}: SetupOptions) => {
      const folder = dir === undefined ? {} : {folder: dir};
      const say = (line: string) => void process.stdout.write(line + '\n');
      if (remove) {
        const removed = await removeTensorFlow({...folder, onProgress: say});
        say(removed.length === 0 ? 'Nothing was set up.' : `Removed:\n${removed.map(path => `  ${path}`).join('\n')}`);
        return;
      }
      const {reason, noGpu} = await setUpTensorFlow({
        ...folder,
        cuda,
        ...(tensorflow !== undefined && {tensorflow}),
        ...(tensorflowVersion !== undefined && {version: tensorflowVersion}),
        onProgress: say,
      });
      if (noGpu === undefined) say(`It trains, and its numbers are right: ${reason}`);
      else say(`It trained on the CPU, and its numbers are right. Not on a GPU: ${noGpu}.`);
    });
}
