import type {TrainSettings} from './settings.js';

/** The names of the recipes. */
export type RecipeName = 'esrgan' | 'real-esrgan' | 'compact' | 'r3gan';

const REAL_ESRGAN = {
  scale: 4,
  degradation: 'real-esrgan', // both files' ranges: REAL_ESRGAN_DEGRADATION
  network: 'esrgan', // network_g: RRDBNet
  filters: 64, // num_feat
  growth: 32, // num_grow_ch
  blocks: 23, // num_block
  discriminator: 'unet', // network_d: UNetDiscriminatorSN
  discriminatorFilters: 64, // num_feat
  patch: 256, // gt_size
  batch: 48, // batch_size_per_gpu 12, official: 4 GPUs
  warmupSteps: 1_000_000, // total_iter of the first file
  warmupLearningRate: 2e-4, // optim_g: lr
  warmupHalveAt: [], // scheduler: milestones at the end
  steps: 400_000, // total_iter
  learningRate: 1e-4, // optim_g: lr
  discriminatorLearningRate: 1e-4, // optim_d: lr
  halveAt: [], // scheduler: milestones at the end
  beta1: 0.9, // betas
  loss: 'standard', // SRGANModel with gan_type: vanilla
  adversarialWeight: 0.1, // gan_opt: loss_weight
  contentWeight: 1, // pixel_opt: loss_weight
  perceptualWeight: 1, // perceptual_opt: perceptual_weight
  perceptualLayers: 'real-esrgan', // perceptual_opt: layer_weights
  weightAverage: 0.999, // ema_decay
} as const satisfies Partial<TrainSettings>;

/**
 * The settings of published models, for `trainEsrgan` and `train --recipe`: as far as a run can have them, and without what
 * the machine decides. They are made for days on a GPU; `microBatch` and fewer steps make them smaller. Of the perceptual loss, which
 * all but `r3gan` were published with, they have the weight and the layers; it takes the weights of VGG19, which are `perceptual` here.
 *
 * `esrgan`: the numbers of BasicSR's `options/train/ESRGAN/train_RRDBNet_PSNR_x4.yml` for the warm-up and `train_ESRGAN_x4.yml`
 * for the GAN stage (https://github.com/XPixelGroup/BasicSR), which are those of the paper, section 4.1
 * (https://arxiv.org/abs/1809.00219). Theirs is besides these: in the warm-up a cosine that restarts every 250,000 steps, in place
 * of which the paper's halving every 200,000 is taken; a critic with 8 times the feature maps at most instead of 4, and with batch
 * normalisation.
 *
 * `real-esrgan`: BasicSR's `options/train/RealESRGAN/train_realesrnet_x4plus.yml` and `train_realesrgan_x4plus.yml`, which are those
 * of the paper, section 4.1 (https://arxiv.org/abs/2107.10833), with 12 patches on each of four GPUs. Theirs is besides these:
 * truth that is sharpened for the pixel loss, and a start from ESRGAN's weights, which is `init` here.
 *
 * `compact`: the network of Real-ESRGAN's `realesr-animevideov3` (`inference_realesrgan.py` in https://github.com/xinntao/Real-ESRGAN:
 * 64 feature maps, 16 convolutions), trained as `real-esrgan` is: no option file of its own is published.
 *
 * `r3gan`: the loss of R3GAN, relativistic pairs with R1 and R2, with its preset FFHQ-64, whose pictures have the size of the patches
 * (`train.py` in https://github.com/brownvc/R3GAN, https://arxiv.org/abs/2501.05441): gamma 2, rate 2e-4, no momentum, 256 pictures in
 * a batch, 20 million of them, an average that halves every 500,000. Theirs is besides these: gamma and rate fall to a tenth and a
 * quarter, the second moment's decay rises, and its own networks. The pixel loss and the weights of the two are `DEFAULT_SETTINGS`'.
 *
 * @example
 * await trainEsrgan({...DEFAULT_SETTINGS, ...RECIPES.compact, data: 'photos', batch: 8, steps: 20_000});
 */
export const RECIPES = {
  esrgan: {
    scale: 4,
    network: 'esrgan', // network_g: RRDBNet
    filters: 64, // num_feat
    growth: 32, // num_grow_ch
    blocks: 23, // num_block
    discriminator: 'vgg', // network_d: VGGStyleDiscriminator
    discriminatorFilters: 64, // num_feat
    patch: 128, // gt_size
    batch: 16, // batch_size_per_gpu
    warmupSteps: 1_000_000, // total_iter of the first file
    warmupLearningRate: 2e-4, // optim_g: lr
    warmupHalveAt: [200_000, 400_000, 600_000, 800_000], // the paper
    steps: 400_000, // total_iter
    learningRate: 1e-4, // optim_g: lr
    discriminatorLearningRate: 1e-4, // optim_d: lr
    halveAt: [50_000, 100_000, 200_000, 300_000], // scheduler: milestones, gamma 0.5
    beta1: 0.9, // betas
    loss: 'average', // ESRGANModel with gan_type: vanilla
    adversarialWeight: 5e-3, // gan_opt: loss_weight
    contentWeight: 1e-2, // pixel_opt: loss_weight
    perceptualWeight: 1, // perceptual_opt: perceptual_weight
    perceptualLayers: 'esrgan', // perceptual_opt: layer_weights
    weightAverage: 0.999, // ema_decay
  },
  'real-esrgan': REAL_ESRGAN,
  compact: {...REAL_ESRGAN, network: 'compact', filters: 64, convolutions: 16},
  r3gan: {
    patch: 64,
    batch: 256, // README: --batch=256 for FFHQ 64x64
    steps: 78_125, // decay_nimg 2e7 / 256
    learningRate: 2e-4, // lr_scheduler: base_value
    discriminatorLearningRate: 2e-4,
    beta1: 0, // G_opt_kwargs, D_opt_kwargs: betas
    loss: 'paired',
    r1: 2, // gamma_scheduler: base_value
    r2: 2,
    weightAverage: 0.99965, // ema_nimg 500,000: 0.5 ^ (256 / 500,000)
  },
} as const satisfies Record<RecipeName, Partial<TrainSettings>>;

/**
 * The settings of a recipe.
 *
 * @throws one line with the names that there are.
 */
export function recipeSettings(name: string): Partial<TrainSettings> {
  if (!Object.hasOwn(RECIPES, name)) {
    throw new Error(`--recipe must be one of ${Object.keys(RECIPES).join(', ')}, but it is ${name}`);
  }
  return RECIPES[name as RecipeName];
}
