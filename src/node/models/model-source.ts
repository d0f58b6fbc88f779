import {readFile} from 'node:fs/promises';
import {isAbsolute, join, normalize, sep} from 'node:path';
import {fileError} from '../system/files.js';

/** Where the files of a model are read from. */
export interface ModelSource {
  /** The model's own file, as messages name it. */
  name: string;
  /** The content of the model's own file. */
  readModel: () => Promise<Uint8Array>;
  /** The content of a file beside it. @throws one line naming the file. */
  readBeside: (file: string) => Promise<Uint8Array>;
}

/** A model's file in a folder, `model.json` as a rule. */
export function folderSource(folder: string, file = 'model.json'): ModelSource {
  const name = join(folder, file);
  return {
    name,
    readModel: () => readFile(name),
    readBeside: async beside => {
      requireInside(beside);
      const path = join(folder, beside);
      try {
        return await readFile(path);
      } catch (error) {
        throw new Error(fileError('read its weights from', path, error).message, {cause: error});
      }
    },
  };
}

/** A model's file behind a URL. One that names no file is that of a folder with a `model.json`. */
export function urlSource(url: string): ModelSource {
  const address = new URL(url);
  if (!/\.(json|safetensors)$/.test(address.pathname)) address.pathname = address.pathname.replace(/\/?$/, '/model.json');
  const name = address.href;
  return {
    name,
    readModel: () => download(name),
    readBeside: async beside => {
      requireInside(beside);
      const file = new URL(beside, name);
      // A key to the model, as signed addresses have, is one to its weights too.
      file.search = address.search;
      try {
        return await download(file.href);
      } catch (error) {
        throw new Error(`cannot read its weights from ${file.href}: ${(error as Error).message}`, {cause: error});
      }
    },
  };
}

/** Whether something is a URL rather than a path. */
export function isUrl(what: string): boolean {
  return /^https?:\/\//i.test(what);
}

async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url).catch((error: Error) => {
    const cause = error.cause as Error | undefined;
    throw new Error(`it cannot be reached (${cause?.message ?? error.message})`, {cause: error});
  });
  if (!response.ok) throw new Error(`the server answers ${response.status} ${response.statusText}`.trim());
  return new Uint8Array(await response.arrayBuffer());
}

/** Weights lie in the model's folder or below it: a file from elsewhere names no others of this machine. */
function requireInside(file: string): void {
  if (isAbsolute(file) || normalize(file).split(sep)[0] === '..' || /^[a-z][a-z\d+.-]*:/i.test(file)) {
    throw new Error(`its weights file ${file} is not in its folder`);
  }
}
