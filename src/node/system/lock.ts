import {statSync, unlinkSync} from 'node:fs';
import {open, rm, stat} from 'node:fs/promises';
import {dirname} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {beforeEnd} from './before-end.js';

/** How often the holder of a lock shows that it lives, and how long it may be silent, in milliseconds. */
const BEAT = 1_000;
const SILENCE = 10_000;

/**
 * Waits until no other process holds the lock, then holds it until the function that it returns is called or this process
 * ends. The lock is a file that its holder touches every second, which is seen wherever the folder is: also from another
 * container, where neither process numbers nor sockets of the holder are. One that a killed process left behind is taken
 * once it has not been touched for ten seconds, on the watcher's own clock.
 *
 * @param path the file; its folder must exist.
 * @param onWait told in one line if the lock is held by another.
 * @throws what keeps the file from being made.
 */
export async function holdLock(path: string, onWait: (line: string) => void): Promise<() => Promise<void>> {
  let [seen, since] = ['', 0];
  for (;;) {
    const release = await take(path);
    if (release) return release;
    const now = await lastTouch(path);
    if (seen === '') {
      onWait(`Another setup is working in ${dirname(path)}: waiting for it (or ten seconds, if it was killed) ...`);
    }
    if (now !== seen) [seen, since] = [now, performance.now()];
    else if (performance.now() - since > SILENCE) await breakLock(path, seen);
    await sleep(200);
  }
}

async function take(path: string): Promise<(() => Promise<void>) | undefined> {
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  if (!file) return undefined;
  const {ino} = await file.stat();
  const heart = setInterval(() => void file.utimes(new Date(), new Date()).catch(() => undefined), BEAT).unref();
  const remove = () => {
    try {
      // Not another's, who took this one for dead while this process was stopped.
      if (statSync(path).ino === ino) unlinkSync(path);
    } catch {
      // It is gone.
    }
  };
  const takeBack = beforeEnd(remove);
  return async () => {
    clearInterval(heart);
    takeBack();
    remove();
    await file.close();
  };
}

/** Which file the lock is, and when it was touched last. */
async function lastTouch(path: string): Promise<string> {
  return stat(path).then(
    ({ino, mtimeMs}) => `${ino} ${mtimeMs}`,
    () => 'gone',
  );
}

/**
 * Removes a lock that was `seen` silent for too long: of several who saw that, one at a time looks again and removes it, so
 * that none removes the lock of one who was faster.
 */
async function breakLock(path: string, seen: string): Promise<void> {
  const breaking = `${path}.breaking`;
  const file = await open(breaking, 'wx').catch(() => undefined);
  if (file) {
    if ((await lastTouch(path)) === seen) await rm(path, {force: true});
    await file.close();
  }
  // Of another, unless that one was killed in these two lines.
  const age = await stat(breaking).then(
    ({mtimeMs}) => Date.now() - mtimeMs,
    () => 0,
  );
  if (file || age > 6 * SILENCE) await rm(breaking, {force: true});
}
