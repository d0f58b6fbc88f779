import {execFileSync} from 'node:child_process';
import * as main from 'tfjs-ragan';
import * as node from 'tfjs-ragan/node';
import * as wasm from 'tfjs-ragan/wasm';

describe('the public names', () => {
  test.each([
    ['tfjs-ragan', main],
    ['tfjs-ragan/wasm', wasm],
    ['tfjs-ragan/node', node],
  ])('of %s', (_, entry) => {
    expect(Object.keys(entry).sort()).toMatchSnapshot();
  });
});

// The built files, in a process of their own: what a user's program gets.
const inProcess = (...args: string[]) => execFileSync(process.execPath, args, {encoding: 'utf8'}).trim();
const entries = ['tfjs-ragan', 'tfjs-ragan/wasm', 'tfjs-ragan/node'];

describe('the built package', () => {
  test.each(entries)('%s gives the same names to require and import', entry => {
    const required = inProcess(
      '-p',
      `Object.keys(require('${entry}')).filter(name => name !== '__esModule').sort().join()`,
    );
    const imported = inProcess(
      '--input-type=module',
      '-e',
      `console.log(Object.keys(await import('${entry}')).sort().join())`,
    );
    expect(required).toBe(imported);
    expect(required).not.toBe('');
  });

  test('works where a program both requires and imports it', () => {
    const printed = inProcess(
      '--input-type=module',
      '-e',
      `import {createRequire} from 'node:module';
       import * as tf from '@tensorflow/tfjs';
       import '@tensorflow/tfjs-backend-wasm';
       const require = createRequire(import.meta.url);
       const functions = () => [tf.getGradient('Conv2D').gradFunc, tf.getKernel('Sum', 'wasm').kernelFunc];
       const [required, imported] = [require('tfjs-ragan'), await import('tfjs-ragan')];
       const before = functions();
       require('tfjs-ragan/wasm').registerTrainingKernels();
       const once = functions();
       (await import('tfjs-ragan/wasm')).registerTrainingKernels();
       imported.registerGradients();
       const twice = functions();
       await tf.setBackend('cpu');
       const network = inputDim => tf.sequential({layers: [tf.layers.dense({units: 1, inputDim})]});
       const gan = new required.GAN({generator: network(2), discriminator: network(1)});
       const [generatorOptimizer, discriminatorOptimizer] = [tf.train.sgd(1), tf.train.sgd(1)];
       gan.compile({generatorOptimizer, discriminatorOptimizer, loss: new imported.RelativisticAverageLoss()});
       const losses = await gan.trainOnBatch(tf.ones([2, 2]), tf.ones([2, 1]));
       const same = (a, b) => a.map((one, i) => one === b[i]).join();
       console.log(required.GAN === imported.GAN, same(before, once), same(once, twice), Object.keys(losses).join());`,
    );
    expect(printed.split('\n').at(-1)).toBe('false false,false true,true discriminatorLoss,generatorLoss');
  });

  test('keeps Node out of the browser entries', () => {
    const loaded = (entry: string) =>
      inProcess(
        '--input-type=module',
        '-e',
        `await import('@tensorflow/tfjs'); const before = new Set(process.moduleLoadList);
         await import('${entry}');
         console.log(process.moduleLoadList.filter(name => !before.has(name) && / (fs|os|path|child_process|worker_threads)$/.test(name)).join())`,
      );
    expect(loaded('tfjs-ragan')).toBe('');
    expect(loaded('tfjs-ragan/wasm')).toBe('');
  });
});
