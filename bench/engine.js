// A training step in a process of its own, so that its peak memory is its own, run whenever it is asked for.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';

/**
 * Starts a program that warms up, prints a line about itself as JSON, and then for every line it reads runs one step and
 * prints `{milliseconds, peakMegabytes}`. Resolves to `{about, step(), stop()}` once it is warm; `stop()` resolves when the
 * program has ended, so that it takes no time from what is measured next.
 *
 * @throws if the program ends, with the last line of its complaint.
 */
export async function startEngine(command, args) {
  // Python would leave what it compiled beside the scripts.
  const env = {...process.env, PYTHONDONTWRITEBYTECODE: '1'};
  const child = spawn(command, args, {env, stdio: ['pipe', 'pipe', 'pipe']});
  let complaint = '';
  child.stderr.on('data', text => (complaint = `${complaint}${text}`.slice(-1000)));
  child.stdin.on('error', () => {}); // `ended` tells
  const ended = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const lastWords = complaint.trim().split('\n').at(-1);
      reject(new Error(signal || !lastWords ? `${command} ended with ${signal ?? code}` : lastWords));
    });
  });
  ended.catch(() => {}); // it may end when nobody waits for it
  const lines = createInterface({input: child.stdout});
  const next = async () => JSON.parse((await Promise.race([once(lines, 'line'), ended]))[0]);

  return {
    about: await next(),
    step() {
      const answer = next();
      child.stdin.write('\n');
      return answer;
    },
    stop() {
      child.kill();
      return ended.catch(() => {});
    },
  };
}
