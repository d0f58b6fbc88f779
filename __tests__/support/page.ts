import type {Metafile} from 'esbuild';
import {build} from 'esbuild';
import {readFileSync} from 'node:fs';
import type {Server} from 'node:http';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {dirname, extname, join, normalize} from 'node:path';
import type {Browser} from 'playwright-core';
import {launchChromium} from './chromium.js';

const root = join(__dirname, '../..');
const wasmFolder = join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out');
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Bundles a script for a page as it would be shipped: minified, with nothing left out. Its exports are the global `page`. */
export async function bundleForPage(
  contents: string,
  resolveDir: string,
): Promise<{code: string; inputs: Metafile['inputs']}> {
  const {outputFiles, metafile} = await build({
    stdin: {contents, resolveDir, loader: 'ts'},
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'page',
    minify: true,
    write: false,
    metafile: true,
    absWorkingDir: root,
    logLevel: 'silent',
    // The paths in tsconfig.json lead to the sources; without them the name leads to the built package.
    ...(process.env.TEST_BUILT ? {tsconfigRaw: {}} : {}),
  });
  return {code: outputFiles[0]!.text, inputs: metafile.inputs};
}

/**
 * A page with a script, as Chromium shows it: under `/plain`, under `/isolated` with the headers that allow threads. The
 * folders are there by their names, and `/wasm/` has the binaries of the wasm backend.
 */
export class ScriptedPage {
  private readonly server: Server;
  private browser: Browser | undefined;
  private origin = '';

  constructor(
    private readonly script: string,
    private readonly folders: Readonly<Record<string, string>> = {},
  ) {
    this.server = createServer(this.respond);
  }

  async open(): Promise<void> {
    await new Promise<void>(resolve => this.server.listen(0, '127.0.0.1', resolve));
    this.origin = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    this.browser = await launchChromium();
  }

  async close(): Promise<void> {
    await this.browser?.close();
    this.server.close();
  }

  /** The value of an expression in a page of its own, in which nothing goes wrong. */
  async evaluate<T>(path: string, expression: string): Promise<T> {
    const tab = await this.browser!.newPage();
    // The backend takes half of the cores it sees: two threads, whatever the machine.
    await tab.addInitScript(`Object.defineProperty(navigator, 'hardwareConcurrency', {value: 4})`);
    const problems: string[] = [];
    tab.on('console', message => {
      if (message.type() === 'error') problems.push(message.text());
    });
    tab.on('pageerror', error => problems.push(error.message));
    tab.on('requestfailed', request => problems.push(request.url()));
    try {
      await tab.goto(this.origin + path);
      return await tab.evaluate<T>(expression);
    } finally {
      await tab.close();
      expect(problems).toEqual([]);
    }
  }

  private readonly respond: Parameters<typeof createServer>[1] = ({url = '/'}, response) => {
    const html = '<!doctype html><link rel="icon" href="data:,"><script src="/script.js"></script>';
    const send = (type: string, body: string | Buffer) => response.setHeader('Content-Type', type).end(body);
    if (url === '/isolated') {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    if (url === '/plain' || url === '/isolated') return send('text/html', html);
    if (url === '/script.js') return send('text/javascript', this.script);
    const [, name = '', path = ''] = /^\/([\w-]+)\/([\w@/.-]+)$/.exec(normalize(url)) ?? [];
    const folder = {wasm: wasmFolder, ...this.folders}[name];
    if (folder === undefined) return response.writeHead(404).end();
    try {
      return send(TYPES[extname(path)] ?? 'application/octet-stream', readFileSync(join(folder, path)));
    } catch {
      return response.writeHead(404).end();
    }
  };
}
