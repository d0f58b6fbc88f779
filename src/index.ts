export {esrganGenerator} from './models/esrgan-generator.js';
export type {EsrganGeneratorOptions} from './models/esrgan-generator.js';
export {patchDiscriminator} from './models/patch-discriminator.js';
export type {PatchDiscriminatorOptions} from './models/patch-discriminator.js';
export {vggDiscriminator} from './models/vgg-discriminator.js';
export type {VggDiscriminatorOptions} from './models/vgg-discriminator.js';
