import {stat} from 'node:fs/promises';
import {basename, dirname} from 'node:path';
import {fileError} from '../system/files.js';
import type {ModelSource} from './model-source.js';
import {folderSource, isUrl, urlSource} from './model-source.js';
import {findPackagedModel, isUpscalerJsName, modelInPackage} from './upscalerjs-package.js';
import type {ValueRange} from './upscalerjs-topology.js';

/** A model that is still to be read. */
export interface LocatedModel {
  source: ModelSource;
  /** Of values, where a package tells it. */
  range?: ValueRange;
}

/**
 * Finds the model that `loadModel` is given.
 *
 * @throws one line, if it is the name of a package or a package's folder in which there is no such model.
 */
export async function locateModel(what: string): Promise<LocatedModel> {
  if (isUrl(what)) return {source: urlSource(what)};
  try {
    const there = await stat(what).catch(() => undefined);
    if (!there && isUpscalerJsName(what)) {
      const {folder, range} = findPackagedModel(what);
      return {source: folderSource(folder), range};
    }
    if (there ? there.isFile() : /\.(json|safetensors)$/.test(what)) return {source: folderSource(dirname(what), basename(what))};
    return {source: folderSource(modelInPackage(what))};
  } catch (error) {
    throw fileError('load a model from', what, error);
  }
}
