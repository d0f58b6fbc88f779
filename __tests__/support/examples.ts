import {spawnSync} from 'node:child_process';
import {join} from 'node:path';

const root = join(__dirname, '../..');

/** Runs a program in `examples`, on the built package. */
export function runExample(program: string, ...args: string[]) {
  const {status, stdout, stderr} = spawnSync(process.execPath, [join(root, 'examples', program), ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return {status, stdout, stderr};
}

/** What a module in `examples` computes: the value of an expression, in which `example` is the module. */
export function inExample(module: string, expression: string): unknown {
  const code = `import * as tf from '@tensorflow/tfjs';
    import * as example from './examples/${module}';
    tf.env().set('IS_TEST', true); // no word on faster backends
    console.log(JSON.stringify(await (${expression})));`;
  const {status, stdout, stderr} = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
