import {spawnSync} from 'node:child_process';
import {join} from 'node:path';

/** Runs the tests of a report in a page in a process of its own. */
function testPages(environment: NodeJS.ProcessEnv) {
  const jest = join(__dirname, '../../node_modules/jest/bin/jest.js');
  const env = {...process.env, CHROMIUM: undefined, ...environment};
  return spawnSync(process.execPath, [jest, '--runInBand', 'node/runs/report', '-t', 'a report in a page'], {
    env,
    encoding: 'utf8',
  });
}

test('without Chromium, tests of pages are skipped with a word on how to get it, under CI too', () => {
  const {status, stderr} = testPages({PATH: '', CI: 'true'});
  expect(stderr).toContain(
    'Install it (apt-get install chromium) or name the program in the environment variable CHROMIUM.',
  );
  expect(stderr).toMatch(/^Tests: +\d+ skipped, \d+ total$/m);
  expect(status).toBe(0);
});

test('a Chromium that is named and is not there fails them', () => {
  expect(testPages({CHROMIUM: '/nowhere/chromium'}).status).toBe(1);
});
