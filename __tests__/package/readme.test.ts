import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {tensorFlow} from '../support/backends.js';

const root = join(__dirname, '../..');

/** Runs the example that a page marks, and returns what it prints. */
function runExample(page: string): string {
  const code =
    /<!-- example: the tests run this -->\n```js\n([\s\S]*?)```/.exec(readFileSync(join(root, page), 'utf8'))?.[1] ??
    '';
  expect(code.split('\n').length).toBeLessThan(25);
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], {cwd: root, encoding: 'utf8'});
}

test('the example in the README runs and learns', () => {
  const output = runExample('README.md');
  const means = [...(output.split('mean of the fakes:')[1] ?? '').matchAll(/\d+\.\d+/g)].slice(0, 2).map(Number);
  expect(means).toHaveLength(2);
  for (const mean of means) expect(Math.abs(mean - 3)).toBeLessThan(0.6);
});

// It needs TensorFlow, by `npx tfjs-ragan setup`.
(tensorFlow ? test : test.skip)('the example of a captured step runs captured and learns', () => {
  const losses = [...runExample('docs/captured-steps.md').matchAll(/captured: loss (\d+\.\d+)/g)].map(found =>
    Number(found[1]),
  );
  expect(losses).toHaveLength(2);
  expect(losses[1]).toBeLessThan(losses[0]!);
});
