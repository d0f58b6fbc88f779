// The other side of engine.js: a program that runs a step whenever it is asked for.
import {createInterface} from 'node:readline';

/** Prints a line about the program, and for every line that is read what one step took, until there are no more. */
export async function serveSteps(about, step) {
  const answer = message => console.log(JSON.stringify(message));
  answer(about);
  const requests = createInterface({input: process.stdin})[Symbol.asyncIterator]();
  while (!(await requests.next()).done) {
    const start = performance.now();
    await step();
    const milliseconds = performance.now() - start;
    answer({milliseconds, peakMegabytes: process.resourceUsage().maxRSS / 1024});
  }
}
