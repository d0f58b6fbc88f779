import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';

const root = join(__dirname, '../..');

test('the example in the README runs and learns', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const code = /<!-- example: the tests run this -->\n```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(code.split('\n').length).toBeLessThan(25);
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], {cwd: root, encoding: 'utf8'});
  const means = [...(output.split('mean of the fakes:')[1] ?? '').matchAll(/\d+\.\d+/g)].slice(0, 2).map(Number);
  expect(means).toHaveLength(2);
  for (const mean of means) expect(Math.abs(mean - 3)).toBeLessThan(0.6);
});
