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
