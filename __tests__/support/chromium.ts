import type {Browser} from 'playwright-core';
import {chromium} from 'playwright-core';
import {findProgram} from '../../src/node/setup/system.js';

const named = process.env.CHROMIUM;
const executablePath = named ?? findProgram('chromium');

/**
 * Tests that need Chromium: skipped, with a word on how to get it, where none is on the PATH. Where the environment variable
 * CHROMIUM names one they run, and fail if it is not there.
 */
export function describeInChromium(title: string, tests: () => void): void {
  if (executablePath !== undefined) {
    describe(title, tests);
  } else {
    // By itself, since jest shows no console of a file whose tests are all skipped.
    process.stderr.write(
      `Skipped, since there is no Chromium on the PATH: ${title}. ` +
        'Install it (apt-get install chromium) or name the program in the environment variable CHROMIUM.\n',
    );
    describe.skip(title, tests);
  }
}

/** Starts Chromium without a window, which asks nothing of any network by itself. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: executablePath!,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
