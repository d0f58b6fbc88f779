// Enlarges a picture with TensorFlow.js, by this package or by UpscalerJS. A process of its own, for engine.js. Usage:
// enlarge-engine.js '{"backend": "wasm", "way": "upscale", "op by op" or "upscalerjs", "model": folder, "pixels": 512, ...}'
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {once} from 'node:events';
import {register} from 'node:module';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {upscale} from 'tfjs-ragan';
import {loadModel, useBackend} from 'tfjs-ragan/node';
import {serveSteps} from './serve-steps.js';

/** UpscalerJS's modules for pages name each other without the ends of files, and their package does not say what they are. */
const PAGE_MODULES = `
  export async function resolve(name, context, next) {
    for (const end of ['', '.js', '/index.js']) {
      try {
        return await next(name + end, context);
      } catch (error) {
        if (end === '/index.js') throw error;
      }
    }
  }
  export const load = (url, context, next) =>
    next(url, url.endsWith('.js') && url.includes('/esm/') ? {...context, format: 'module'} : context);`;

/** This package's, as `upscale` comes, or without what TensorFlow makes of it. */
async function upscaler({model: folder, pixels, way}) {
  const model = await loadModel(folder);
  const picture = tf.randomUniform([pixels, pixels, 3], 0, 1, 'float32', 1);
  const warn = message => {
    throw new Error(message);
  };
  return () => upscale(model, picture, {capture: way === 'upscale', onWarning: warn});
}

/** UpscalerJS's own, in the patches for which the model was written. */
async function upscalerJs({model: folder, pixels}) {
  register(`data:text/javascript,${encodeURIComponent(PAGE_MODULES)}`);
  const {default: Upscaler} = await import('upscaler').catch(() => {
    throw new Error('it is not installed (npm install upscaler)');
  });
  const server = createServer((request, response) => response.end(readFileSync(join(folder, request.url))));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  server.unref();
  const {default: model, patchSize, padding} = await import(pathToFileURL(join(folder, 'index.js')));
  const path = `http://127.0.0.1:${server.address().port}/model.json`;
  const large = new Upscaler({model: {...model, path}});
  const picture = tf.randomUniform([pixels, pixels, 3], 0, 255, 'float32', 1);
  // Smaller ones are not cut.
  const patches = pixels > patchSize ? {patchSize, padding} : {};
  return () => large.execute(picture, {output: 'tensor', ...patches});
}

async function main() {
  const settings = JSON.parse(process.argv[2]);
  const about = await useBackend(settings.backend, {threads: settings.threads});
  const enlarge = await (settings.way === 'upscalerjs' ? upscalerJs(settings) : upscaler(settings));
  const step = async () => {
    const large = await enlarge();
    await large.data();
    const side = 4 * settings.pixels;
    if (large.shape.join() !== [side, side, 3].join())
      throw new Error(`it made a picture of ${large.shape.join(' x ')}`);
    large.dispose();
  };
  await step();
  await serveSteps(about, step);
}

main().catch(error => {
  console.error(error.message);
  process.exitCode = 2;
});
