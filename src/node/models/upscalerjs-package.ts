import {existsSync, readFileSync, readdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, relative} from 'node:path';
import type {ValueRange} from './upscalerjs-topology.js';

/** A model of a package of UpscalerJS. */
export interface PackagedModel {
  /** The folder of its model.json. */
  folder: string;
  range: ValueRange;
}

/** What such a package exports for each model, as far as it matters here. */
interface ModelDefinition {
  modelType?: string;
  _internals?: {path?: string; name?: string};
  inputRange?: unknown;
  outputRange?: unknown;
  preprocess?: unknown;
  postprocess?: unknown;
}

const SCOPE = '@upscalerjs/';

/** Whether something is the name of a package of UpscalerJS, or of a model in it. */
export function isUpscalerJsName(what: string): boolean {
  return what.startsWith(SCOPE);
}

/**
 * Finds a model of UpscalerJS by its name, as one would import it: `@upscalerjs/default-model`, `@upscalerjs/esrgan-slim/4x`.
 * It is looked for among the packages that are installed where the command runs.
 *
 * @throws without the name: not installed, several models by that name, or one that does more than a layers model can.
 */
export function findPackagedModel(name: string): PackagedModel {
  const require = createRequire(join(process.cwd(), 'here.js'));
  let file: string;
  try {
    file = require.resolve(name);
  } catch (error) {
    throw new Error(notFound(name, require), {cause: error});
  }
  const exported = require(file) as ModelDefinition & {default?: ModelDefinition};
  const definition = exported.default ?? exported;
  const {modelType, _internals: internals} = definition;
  if (internals?.path === undefined) {
    const scales = Object.values(definition).flatMap((one: ModelDefinition & {scale?: number}) =>
      one?._internals?.path === undefined ? [] : `${name}/${one.scale}x`,
    );
    throw new Error(scales.length > 0 ? `it has several models: ${scales.join(', ')}` : 'it exports no model');
  }
  if (modelType !== 'layers') throw new Error(`it is a ${modelType} model, and a layers model is needed`);
  if (definition.preprocess !== undefined || definition.postprocess !== undefined) {
    throw new Error('it computes something before or after its layers, which is not done here');
  }
  return {
    folder: dirname(join(packageFolder(file, internals.name ?? name), internals.path)),
    range: {input: white(definition.inputRange), output: white(definition.outputRange)},
  };
}

/**
 * The folder of the model in the folder of a package of UpscalerJS; any other folder is itself.
 *
 * @throws if it has several models.
 */
export function modelInPackage(folder: string): string {
  if (existsSync(join(folder, 'model.json')) || !packageName(folder)?.startsWith(SCOPE)) return folder;
  const models = join(folder, 'models');
  const found = [models, ...subfolders(models)].filter(one => existsSync(join(one, 'model.json')));
  if (found.length === 1) return found[0]!;
  const names = found.map(one => relative(folder, one)).sort();
  throw new Error(found.length === 0 ? 'it has no model' : `it has several models: ${names.join(', ')}`);
}

function notFound(name: string, require: NodeJS.Require): string {
  const [scope, base] = name.split('/');
  const whole = `${scope}/${base}`;
  try {
    require.resolve(whole);
  } catch {
    return (
      `the package ${whole} is not installed here; npm install --legacy-peer-deps ${whole} installs it ` +
      '(it asks for an older TensorFlow.js than this package, without need)'
    );
  }
  return `the package ${whole} has no such model`;
}

/** The folder that a file of a package is in, topmost. */
function packageFolder(file: string, name: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (packageName(folder) === name) return folder;
    if (folder === dirname(folder)) throw new Error(`its package.json is not found above ${file}`);
  }
}

function packageName(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {name?: string}).name;
  } catch {
    return undefined;
  }
}

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, {withFileTypes: true}).flatMap(one => (one.isDirectory() ? join(folder, one.name) : []));
}

/** The value of white: a range is [0, 255] or [0, 1], and without one it is the former. */
function white(range: unknown): number {
  const [black, top] = (range ?? [0, 255]) as [unknown, unknown];
  if (black === 0 && (top === 1 || top === 255)) return top;
  throw new Error(`its values go from ${String(black)} to ${String(top)}, and [0, 1] or [0, 255] would be read`);
}
