import {existsSync} from 'node:fs';
import type {Browser} from 'playwright-core';
import {chromium} from 'playwright-core';

/** Where the tests look for Chromium: the environment variable CHROMIUM names another place. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Tests that need Chromium: skipped, with a word on how to get it, where there is none; under CI they run and fail. */
export function describeInChromium(title: string, tests: () => void): void {
  if (existsSync(executablePath) || process.env.CI === 'true') {
    describe(title, tests);
  } else {
    console.warn(
      `Skipped for want of Chromium at ${executablePath}: ${title}. ` +
        'Install it (apt-get install chromium) or name the program in the environment variable CHROMIUM.',
    );
    describe.skip(title, tests);
  }
}

/** Starts Chromium without a window, which asks nothing of any network by itself. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath,
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
