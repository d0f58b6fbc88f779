import {readFile, stat} from 'node:fs/promises';
import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {basename, join, resolve} from 'node:path';
import {isRunFolder} from '../runs/folder.js';
import {isRunLockHeld} from '../runs/lock.js';
import {savedSettings} from '../runs/resumed-settings.js';
import {packageFolder} from '../setup/package-folder.cjs';
import {HTML, ICON, STYLE} from './document.js';
import {openInside} from './inside.js';
import {readLogPart} from './log-part.js';
import {listSheets} from './sheets.js';
import type {WatchState} from './state.js';

/** A page that shows a run. */
export interface Watch {
  url: string;
  close: () => Promise<void>;
}

/** The page's scripts, from `dist/esm/node`: browsers take modules as they are there. */
const SCRIPTS = new Set([
  ...['chart', 'curves', 'elements', 'facts', 'gallery', 'main', 'readings'].map(name => `watch/page/${name}.js`),
  'runs/line-chart.js',
  'runs/sheet-columns.js',
]);

const HEADERS = {
  'Cache-Control': 'no-store',
  // The page asks for nothing but what is here, and nobody else is to show any of it.
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** The port that is tried where none is asked for: the next one to TensorBoard's. */
const USUAL_PORT = 6007;

/**
 * Serves a page that shows a run, one that is under way or has ended, to this machine alone; changes nothing in its folder.
 *
 * @param port 0 for any that is free. Default: 6007, or any if that is taken.
 * @throws one line: the folder holds no run, or the port cannot be used.
 */
export async function watchRun(folder: string, port?: number): Promise<Watch> {
  await requireRun(folder);
  const server = createServer((request, response) => {
    answer(folder, server, request, response).catch(() => response.destroy());
  });
  try {
    await listen(server, port ?? USUAL_PORT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (port !== undefined)
      throw new Error(`port ${port} is in use: choose another with --port, or 0 for any`, {cause: error});
    await listen(server, 0);
  }
  return {
    url: `http://127.0.0.1:${portOf(server)}/`,
    close: () =>
      new Promise(closed => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function requireRun(folder: string): Promise<void> {
  const status = await stat(folder).catch(() => undefined);
  if (!status) throw new Error(`cannot watch ${folder}: it does not exist`);
  if (!status.isDirectory() || !(await isRunFolder(folder))) {
    throw new Error(`cannot watch ${folder}: it holds no run; give the folder that train was given as --out`);
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen({host: '127.0.0.1', port}, () => {
      server.off('error', failed);
      done();
    });
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function answer(
  folder: string,
  server: Server,
  {method, url = '/', headers}: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, type = 'text/plain', body: string | Buffer = `${status}\n`) => {
    response.writeHead(status, {...HEADERS, 'Content-Type': `${type}; charset=utf-8`});
    response.end(method === 'HEAD' ? undefined : body);
  };
  // Another name may be one that a stranger's page has led here.
  const port = portOf(server);
  if (headers.host !== `127.0.0.1:${port}` && headers.host !== `localhost:${port}`) return send(403);
  if (method !== 'GET' && method !== 'HEAD') return send(405);
  const [path = '', query = ''] = url.split('?');
  if (path === '/') return send(200, 'text/html', HTML);
  if (path === '/style.css') return send(200, 'text/css', STYLE);
  if (path === '/icon.svg') return send(200, 'image/svg+xml', ICON);
  if (path === '/state') {
    const state = await stateOf(folder, new URLSearchParams(query).get('place') ?? '');
    return send(200, 'application/json', JSON.stringify(state));
  }
  const script = path.slice('/scripts/'.length);
  if (path.startsWith('/scripts/') && SCRIPTS.has(script)) {
    return send(200, 'text/javascript', await readFile(join(packageFolder(), 'dist/esm/node', script)));
  }
  const picture = /^\/samples\/([^/?#]+\.png)$/.exec(path)?.[1];
  const file = picture === undefined ? undefined : await openInside(folder, 'samples', decoded(picture));
  if (!file) return send(404);
  try {
    send(200, 'image/png', await file.readFile());
  } finally {
    await file.close();
  }
}

/** What a part of an address names; nothing where it is none. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}

async function stateOf(folder: string, place: string): Promise<WatchState> {
  const log = await readLogPart(folder, place);
  return {
    name: basename(resolve(folder)),
    running: await isRunLockHeld(join(resolve(folder), 'run.lock')),
    // They change only when a run begins, or goes on and writes its log anew.
    ...(log.fromStart && {settings: await settingsOf(folder)}),
    sheets: await listSheets(folder),
    log,
  };
}

/** Those that have a name and a value to show; none of a run that has no checkpoint yet. */
async function settingsOf(folder: string): Promise<Record<string, string | number | boolean>> {
  const settings: object = await savedSettings(folder).catch(() => ({}));
  const shown = Object.entries(settings).map(([name, value]: [string, unknown]) => [
    name,
    Array.isArray(value) ? value.join(' ') : value,
  ]);
  return Object.fromEntries(shown.filter(([, value]) => /string|number|boolean/.test(typeof value))) as Record<
    string,
    string | number | boolean
  >;
}
