import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {fetchTensorFlow, pinnedVersion} from './fetch.js';
import {LIBRARIES, installedTensorFlow, isBuiltWithoutCuda} from './installed-tensorflow.js';
import {keepLibraries} from './keep-libraries.js';
import {makeFolder} from './make-folder.js';
import type {SetUpOptions} from './options.js';
import {requirePython, requireSpace} from './system.js';

/** Free disk space that a fetch needs, its temporary files included, in GB. */
const SPACE = {cpu: 2, cuda: 11};

/** A TensorFlow to compile against. */
export interface TensorFlowSource {
  /** The folder of its libraries. */
  tensorflow: string;
  version: string;
  /** The folder for what is compiled against it. */
  home: string;
  /** Fetches it, if need be. */
  provide: () => Promise<void>;
}

/**
 * The TensorFlow that the options ask for; nothing is fetched yet.
 *
 * @param folder the private folder.
 * @throws one line if an installed one is asked for that is not there or cannot be used.
 */
export async function tensorFlowSource(folder: string, options: SetUpOptions): Promise<TensorFlowSource> {
  const {cuda = false, onProgress = () => undefined} = options;
  if (options.tensorflow !== undefined) {
    const {folder: tensorflow, version} = await installedTensorFlow(options.tensorflow);
    if (cuda && (await isBuiltWithoutCuda(tensorflow))) {
      throw new Error(
        `the TensorFlow in ${tensorflow} is built without CUDA: name one with CUDA, leave --tensorflow out to fetch ` +
          'one, or leave --cuda out for the CPU',
      );
    }
    // The time tells two of them apart that were in one place one after the other.
    const {mtimeMs} = await stat(join(tensorflow, LIBRARIES[0]!));
    const place = createHash('sha256').update(`${tensorflow} ${version} ${cuda} ${mtimeMs}`).digest('hex').slice(0, 12);
    const home = join(folder, `tensorflow-installed-${place}`);
    const named = version === 'unknown' ? 'the TensorFlow (whose version is not recorded)' : `TensorFlow ${version}`;
    onProgress(`Using ${named} in ${tensorflow}`);
    return {home, tensorflow, version, provide: () => Promise.resolve()};
  }
  const version = options.version ?? (await pinnedVersion(cuda));
  const kind = cuda ? 'cuda' : 'cpu';
  const home = join(folder, `tensorflow-${kind}-${version}`);
  const provide = async () => {
    if (existsSync(home)) return;
    const python = await requirePython();
    await requireSpace(folder, SPACE[kind]);
    onProgress(
      `Fetching TensorFlow ${version} for ${cuda ? 'CUDA 12 (about 3.4 GB)' : 'the CPU (about 275 MB)'} into ${home}`,
    );
    await makeFolder(home, async beside => {
      await fetchTensorFlow(beside, {python, cuda, version: options.version, onProgress});
      await keepLibraries(beside);
    });
  };
  return {home, tensorflow: join(home, 'tensorflow'), version, provide};
}
