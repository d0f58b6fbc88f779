import {readFile} from 'node:fs/promises';
import {readSafetensors} from '../../models/safetensors.js';
import type {Vgg19Features} from '../../models/vgg19-features.js';
import {vgg19Features} from '../../models/vgg19-features.js';
import {fileError} from '../system/files.js';

/**
 * The features of VGG19 by the weights in a safetensors file; none without a file.
 *
 * @throws one line: the file cannot be read, or does not hold them.
 */
export async function perceptualFeatures(file: string | undefined): Promise<Vgg19Features | undefined> {
  if (file === undefined) return undefined;
  const failed = (cause: unknown) => fileError('read the weights of VGG19 from', file, cause);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw failed(error);
  });
  try {
    return vgg19Features({weights: readSafetensors(bytes).tensors});
  } catch (error) {
    const reason = (error as Error).message.replace(/^(vgg19Features|readSafetensors): /, '');
    throw failed(new Error(reason, {cause: error}));
  }
}
