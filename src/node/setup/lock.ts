import {createHash} from 'node:crypto';
import {createServer} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';

/**
 * Waits until no other process works in the folder, then keeps others waiting until the function that it returns is
 * called or this process ends. The lock is a name that the kernel gives to one process at a time and frees by itself
 * (a Linux abstract socket), so that nothing stale is ever left.
 */
export async function lockFolder(folder: string, onWait: () => void): Promise<() => void> {
  const name = `\0tfjs-ragan-setup-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`;
  for (let waiting = false; ; await sleep(200)) {
    const release = await take(name);
    if (release) return release;
    if (!waiting) onWait();
    waiting = true;
  }
}

function take(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(name, () => {
      server.unref();
      resolve(() => void server.close());
    });
  });
}
