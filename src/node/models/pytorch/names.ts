/** How the layers of an ESRGAN are called in PyTorch's files. */
export type EsrganNaming = 'basicsr' | 'esrgan' | 'first-esrgan';

/** The beginnings by which the namings are told apart. */
const FIRST_NAMES: Readonly<Record<EsrganNaming, string>> = {
  basicsr: 'body.0.rdb1.conv1',
  esrgan: 'RRDB_trunk.0.RDB1.conv1',
  'first-esrgan': 'model.1.sub.0.RDB1.conv1.0',
};

/** Which naming tensors have, if they are an ESRGAN's. */
export function esrganNaming(tensors: Readonly<Record<string, unknown>>): EsrganNaming | undefined {
  const known = Object.keys(FIRST_NAMES) as EsrganNaming[];
  return known.find(naming => Object.hasOwn(tensors, `${FIRST_NAMES[naming]}.weight`));
}

/**
 * The names of an ESRGAN's convolutions in the order of `esrganGenerator`'s layers: BasicSR's and Real-ESRGAN's, those of
 * ESRGAN's repository, or those of its first release, which are numbers of modules and have as many upsamplings as needed.
 */
export function esrganNames(naming: EsrganNaming, blocks: number, upsamplings: number): string[] {
  const inBlocks = (name: (block: number, dense: number, convolution: number) => string) =>
    Array.from({length: 15 * blocks}, (_, i) => name(Math.floor(i / 15), 1 + (Math.floor(i / 5) % 3), 1 + (i % 5)));
  const numbered = (prefix: string) => Array.from({length: upsamplings}, (_, i) => `${prefix}${i + 1}`);
  switch (naming) {
    case 'basicsr': {
      const body = inBlocks((block, dense, convolution) => `body.${block}.rdb${dense}.conv${convolution}`);
      return ['conv_first', ...body, 'conv_body', ...numbered('conv_up'), 'conv_hr', 'conv_last'];
    }
    case 'esrgan': {
      const body = inBlocks((block, dense, convolution) => `RRDB_trunk.${block}.RDB${dense}.conv${convolution}`);
      return ['conv_first', ...body, 'trunk_conv', ...numbered('upconv'), 'HRconv', 'conv_last'];
    }
    case 'first-esrgan': {
      const body = inBlocks((block, dense, convolution) => `model.1.sub.${block}.RDB${dense}.conv${convolution}.0`);
      // Each upsampling is three modules: it, a convolution, and an activation; the others are two.
      const ups = Array.from({length: upsamplings}, (_, i) => `model.${3 * i + 3}`);
      const end = 3 * upsamplings + 2;
      return ['model.0', ...body, `model.1.sub.${blocks}`, ...ups, `model.${end}`, `model.${end + 2}`];
    }
  }
}
