import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import ts from 'typescript';
import {tensorFlow} from '../support/backends.js';

const root = join(__dirname, '../..');

/** Runs an example that a page marks, by its number there, and returns what it prints. */
function runExample(page: string, {lines = 25, number = 0} = {}): string {
  const marked = /<!-- example: the tests run this -->\n```[jt]s\n([\s\S]*?)```/g;
  const example = [...readFileSync(join(root, page), 'utf8').matchAll(marked)][number]?.[1] ?? '';
  expect(example.split('\n').length).toBeLessThan(lines);
  const {target, module} = {target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext};
  const code = ts.transpile(example, {target, module});
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], {cwd: root, encoding: 'utf8'});
}

test('the example in the README runs and learns', () => {
  const output = runExample('README.md');
  const means = [...(output.split('mean of the fakes:')[1] ?? '').matchAll(/\d+\.\d+/g)].slice(0, 2).map(Number);
  expect(means).toHaveLength(2);
  for (const mean of means) expect(Math.abs(mean - 3)).toBeLessThan(0.6);
});

test('the example of a custom loss runs, and is the formula', () => {
  const values = runExample('docs/custom-losses.md', {lines: 50}).matchAll(
    /(discriminator|generator) Float32Array\(1\) \[ (\S+) \]/g,
  );
  // Hinge of margin 2 where r - f is 3 and 0: relu(1 + 2 - 3) and relu(1 + 2 - 0); for the generator relu(1 + 2 + 3) and 3.
  expect([...values].map(([, side, value]) => [side, Number(value)])).toEqual([
    ['discriminator', 1.5],
    ['generator', 4.5],
  ]);
});

// It needs TensorFlow, by `npx tfjs-ragan setup`.
(tensorFlow ? test : test.skip)('the example of a captured step runs captured and learns', () => {
  const losses = [...runExample('docs/captured-steps.md').matchAll(/captured: loss (\d+\.\d+)/g)].map(found =>
    Number(found[1]),
  );
  expect(losses).toHaveLength(2);
  expect(losses[1]).toBeLessThan(losses[0]!);
});

(tensorFlow ? test : test.skip)('the example of a step that depends on values has a graph for each', () => {
  expect(runExample('docs/captured-steps.md', {lines: 30, number: 2})).toContain('captured, 2 graphs');
});

(tensorFlow ? test : test.skip)(
  'the example of a step that draws differs from call to call, and repeats with the counter',
  () => {
    const printed = runExample('docs/captured-steps.md', {number: 1}).trim().split('\n');
    const draws = printed.map(line => /^call \d( again)?: (.+)$/.exec(line)![2]);
    expect(draws).toHaveLength(6);
    expect(new Set(draws).size).toBe(5);
    expect(draws[5]).toBe(draws[4]);
  },
);
