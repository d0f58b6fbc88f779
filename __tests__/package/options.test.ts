import * as tf from '@tensorflow/tfjs';
import * as main from 'tfjs-ragan';
import * as node from 'tfjs-ragan/node';
import ts from 'typescript';
import {requireKnownOptions} from '../../src/options.js';
import {entries, entryProgram, exportsOf} from '../support/program.js';

/** What the calls need besides the options; made once a backend is there. */
function parts() {
  const network = () => tf.sequential({layers: [tf.layers.dense({units: 1, inputDim: 1})]});
  const networks = {generator: network(), discriminator: network()};
  const optimizers = {generatorOptimizer: tf.train.sgd(1), discriminatorOptimizer: tf.train.sgd(1)};
  const logits = tf.zeros([2, 1]);
  const gan = new main.GAN(networks);
  gan.compile(optimizers);
  return {
    networks,
    optimizers,
    logits,
    gan,
    image: tf.zeros<tf.Rank.R3>([16, 16, 3]),
    dataset: tf.data.array([{xs: logits, ys: logits}]),
    objective: {
      loss: new main.StandardLoss(),
      adversarialWeight: 1,
      generatorLosses: [],
      averaging: main.localAveraging,
    },
    settings: {...node.DEFAULT_SETTINGS, data: 'nowhere'},
  };
}

let given: ReturnType<typeof parts>;
beforeAll(async () => {
  await tf.setBackend('cpu');
  given = parts();
});

/** How each place that takes options is given those of the test, by the name of the parameter or member. */
const places: Record<string, (options: never) => unknown> = {
  'GAN.constructor(networks)': options => new main.GAN(options),
  'GAN.compile(options)': options => given.gan.compile(options),
  'GAN.compile(options.generatorLosses)': options =>
    given.gan.compile({...given.optimizers, generatorLosses: [options]}),
  'GAN.compile(options.penalties)': options => given.gan.compile({...given.optimizers, penalties: [options]}),
  'GAN.compile(options.weightAverage)': options => given.gan.compile({...given.optimizers, weightAverage: options}),
  'GAN.fitDataset(options)': options => given.gan.fitDataset(given.dataset, options),
  'GAN.fitDataset(options.callbacks)': options =>
    given.gan.fitDataset(given.dataset, {epochs: 1, callbacks: [new tf.History(), options]}),
  'GAN.trainOnBatch(options)': options => given.gan.trainOnBatch(given.logits, given.logits, options),
  'GanLoss.withGradients(options)': options =>
    new main.StandardLoss().withGradients(given.logits, given.logits, options),
  'RelativisticAverageLoss.constructor(options)': options => new main.RelativisticAverageLoss(options),
  'RelativisticPairedLoss.constructor(options)': options => new main.RelativisticPairedLoss(options),
  'StandardLoss.constructor(options)': options => new main.StandardLoss(options),
  'captureStep(options)': options => node.captureStep(() => undefined, options),
  'compactGenerator(options)': options => main.compactGenerator(options),
  'checkpoints(options)': options => node.checkpoints('run', options),
  'checkpoints(options.best)': options => node.checkpoints('run', {best: options}),
  'collapseWarnings(options)': options => main.collapseWarnings(options),
  'cosine(options)': options => main.cosine(options),
  'criticStep(objective)': options => main.criticStep(given.networks, options, given.logits, given.logits),
  'criticStep(objective.generatorLosses)': options =>
    main.criticStep(given.networks, {...given.objective, generatorLosses: [options]}, given.logits, given.logits),
  'criticStep(objective.penalties)': options =>
    main.criticStep(given.networks, {...given.objective, penalties: [options]}, given.logits, given.logits),
  'discriminatorLoss(options)': options => main.discriminatorLoss(given.logits, given.logits, options),
  'esrganGenerator(options)': options => main.esrganGenerator(options),
  'featureMatchingLoss(options)': options => main.featureMatchingLoss(options),
  'generatorLoss(options)': options => main.generatorLoss(given.logits, given.logits, options),
  'jsonLog(options)': options => node.jsonLog('run', options),
  'latents(options)': options => main.latents(options),
  'loadDefaultModel(options)': options => node.loadDefaultModel(options),
  'loadCheckpoint(trained)': options => node.loadCheckpoint('nowhere', options),
  'multiStep(options)': options => main.multiStep(options),
  'onePassStep(objective)': options => main.onePassStep(given.networks, options, given.logits, given.logits),
  'onePassStep(objective.generatorLosses)': options =>
    main.onePassStep(given.networks, {...given.objective, generatorLosses: [options]}, given.logits, given.logits),
  'onePassStep(objective.penalties)': options =>
    main.onePassStep(given.networks, {...given.objective, penalties: [options]}, given.logits, given.logits),
  'patchDiscriminator(options)': options => main.patchDiscriminator(options),
  'perceptualLoss(options)': options => main.perceptualLoss(options),
  'spectralNormalization(options)': options => main.spectralNormalization(tf.layers.dense({units: 1}), options),
  'styleLoss(options)': options => main.styleLoss(options),
  'tensorBoard(options)': options => node.tensorBoard('logs', options),
  'photoDataset(photos)': options => node.photoDataset(options),
  'photoDataset(options)': options => node.photoDataset('nowhere', options),
  'progressBar(options)': options => node.progressBar(options),
  'psnr(options)': options => main.psnr(given.image, given.image, options),
  'realEsrganDegradation(options)': options => node.realEsrganDegradation(options),
  'realEsrganDegradation(options.first)': options => node.realEsrganDegradation({first: options}),
  'realEsrganDegradation(options.second)': options => node.realEsrganDegradation({second: options}),
  'readImage(options)': options => node.readImage('nowhere.png', options),
  'removeTensorFlow(options)': options => node.removeTensorFlow(options),
  'sampleSheets(options)': options => node.sampleSheets('run', options),
  'saveCheckpoint(trained)': options => node.saveCheckpoint('nowhere', options, 0),
  'saveModel(options)': options => node.saveModel(given.networks.generator, 'nowhere', options),
  'r1Penalty(options)': options => main.r1Penalty(options),
  'r2Penalty(options)': options => main.r2Penalty(options),
  'separatePassesStep(objective)': options =>
    main.separatePassesStep(given.networks, options, given.logits, given.logits),
  'separatePassesStep(objective.generatorLosses)': options =>
    main.separatePassesStep(
      given.networks,
      {...given.objective, generatorLosses: [options]},
      given.logits,
      given.logits,
    ),
  'setUpTensorFlow(options)': options => node.setUpTensorFlow(options),
  'sharpness(options)': options => main.sharpness(given.image, given.image, options),
  'ssim(options)': options => main.ssim(given.image, given.image, options),
  'trainEsrgan(events)': options => node.trainEsrgan(given.settings, options),
  'trainEsrgan(settings)': options => node.trainEsrgan(options),
  'upscale(options)': options => main.upscale(given.networks.generator, given.image, options),
  'useBackend(options)': options => node.useBackend('auto', options),
  'unetDiscriminator(options)': options => main.unetDiscriminator(options),
  'vgg19Features(options)': options => main.vgg19Features(options),
  'vggDiscriminator(options)': options => main.vggDiscriminator(options),
  'warmUp(options)': options => main.warmUp(options),
  'separatePassesStep(objective.penalties)': options =>
    main.separatePassesStep(given.networks, {...given.objective, penalties: [options]}, given.logits, given.logits),
  'warmUpStep(objective.penalties)': options =>
    main.warmUpStep(given.networks, {...given.objective, penalties: [options]}, given.logits, given.logits),
  'wganPenalty(options)': options => main.wganPenalty(options),
  'warmUpStep(objective)': options => main.warmUpStep(given.networks, options, given.logits, given.logits),
  'warmUpStep(objective.generatorLosses)': options =>
    main.warmUpStep(given.networks, {...given.objective, generatorLosses: [options]}, given.logits, given.logits),
};

/** Parameters that look like options, and are more than that. */
const NOT_OPTIONS: Record<string, string> = {
  Averaging: 'an object with a method, and whatever else it needs',
  ElementLoss: 'the same',
  Diagnosis: 'a result',
  Diagnostics: 'what callbacks are told',
  RunPlace: 'a run, with whatever else it has',
  RunWithSamples: 'a run, with whatever else it has',
  'Networks of a step': 'may be a GAN',
  'CaptureOptions.inputs': 'tensors',
};

/** The places in the package's types that take options, each with the names of these. */
function findPlaces(): Record<string, string[]> {
  const program = entryProgram();
  const checker = program.getTypeChecker();
  const found: Record<string, string[]> = {};

  /** The object types with named members and nothing else that a type is, an array or a union of. */
  const optionTypes = (type: ts.Type): ts.Type[] => {
    if (type.isUnion()) return type.types.flatMap(optionTypes);
    if (checker.isArrayType(type)) return checker.getTypeArguments(type as ts.TypeReference).flatMap(optionTypes);
    const declared = type.getSymbol()?.declarations?.[0];
    const named = declared && (ts.isInterfaceDeclaration(declared) || ts.isTypeLiteralNode(declared));
    const ours = declared && /\/src\/|\/tfjs-layers\//.test(declared.getSourceFile().fileName);
    return named && ours && type.getProperties().length > 0 ? [type] : [];
  };
  const visit = (place: string, type: ts.Type, at: ts.Node) => {
    for (const one of optionTypes(type)) {
      const name = (one.aliasSymbol ?? one.symbol).name;
      if (name in NOT_OPTIONS || (name === 'Networks' && !place.startsWith('GAN.'))) continue;
      found[`${place})`] = one.getProperties().map(member => member.name);
      for (const member of one.getProperties()) {
        if (`${name}.${member.name}` in NOT_OPTIONS) continue;
        visit(`${place}.${member.name}`, checker.getTypeOfSymbolAtLocation(member, at), at);
      }
    }
  };
  const visitSignatures = (name: string, signatures: readonly ts.Signature[], at: ts.Node) => {
    for (const parameter of signatures.flatMap(signature => signature.getParameters())) {
      visit(`${name}(${parameter.name}`, checker.getTypeOfSymbolAtLocation(parameter, at), at);
    }
  };
  for (const [name, symbol] of entries.flatMap(entry => exportsOf(program, entry))) {
    const declaration = symbol.valueDeclaration;
    if (!declaration) continue;
    const type = checker.getTypeOfSymbolAtLocation(symbol, declaration);
    visitSignatures(name, type.getCallSignatures(), declaration);
    if (!ts.isClassDeclaration(declaration)) continue;
    const abstract = ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Abstract;
    if (!abstract) visitSignatures(`${name}.constructor`, type.getConstructSignatures(), declaration);
    for (const member of declaration.members) {
      if (!ts.isMethodDeclaration(member)) continue;
      if (ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) continue;
      const signature = checker.getSignatureFromDeclaration(member)!;
      visitSignatures(`${name}.${member.name.getText()}`, [signature], declaration);
    }
  }
  return found;
}

const found = findPlaces();

test('every place that takes options is in the table of this test', () => {
  expect(Object.keys(places).sort()).toEqual(Object.keys(found).sort());
});

/** The options by name; to look at one ends the call, so that nothing happens where the unknown one is overlooked. */
function traps(names: string[]): object {
  const trap = {
    enumerable: true,
    get() {
      throw new Error('an option was looked at before the unknown one was refused');
    },
  };
  return Object.defineProperties({}, Object.fromEntries(names.map(name => [name, trap])));
}

describe.each(Object.entries(places))('%s', (place, call) => {
  const names = found[place] ?? [];
  const messageFor = async (unknown: string): Promise<string> => {
    const options = Object.defineProperty(traps(names), unknown, {enumerable: true, value: 1});
    try {
      await call(options as never);
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing was refused';
  };

  test.each(names)('names %s as the nearest to a misspelling of it', async name => {
    const misspelt = name + name.at(-1);
    expect(await messageFor(misspelt)).toMatch(
      new RegExp(`^\\w.*: unknown option '${misspelt}'; did you mean '${name}'\\?$`),
    );
  });

  test('lists the known options where none is near', async () => {
    const message = await messageFor('xylophone');
    expect(message).toContain("unknown option 'xylophone'; the ");
    expect([...message.matchAll(/'(\w+)'/g)].map(([, name]) => name).sort()).toEqual(['xylophone', ...names].sort());
  });
});

test.each([main.RelativisticAverageLoss, main.RelativisticPairedLoss, main.StandardLoss])(
  '%p refuses an unknown name in a saved configuration',
  lossClass => {
    const fromConfig = (config: tf.serialization.ConfigDict) =>
      tf.serialization.Serializable.fromConfig.call(lossClass, lossClass, config);
    const config = new lossClass({criterion: 'hinge'}).getConfig();
    expect(fromConfig(config)).toBeInstanceOf(lossClass);
    expect(() => fromConfig({...config, criterium: 'hinge'})).toThrow(
      `${lossClass.className}: unknown option 'criterium'; did you mean 'criterion'?`,
    );
  },
);

describe('requireKnownOptions', () => {
  const known = {adversarialWeight: true, axis: true, loss: true} as const;
  const refuse = (options: unknown) => () => requireKnownOptions('f', options as Record<keyof typeof known, 1>, known);

  test.each([
    [{advesarialWeight: 1}, "f: unknown option 'advesarialWeight'; did you mean 'adversarialWeight'?"],
    [{axes: 1}, "f: unknown option 'axes'; did you mean 'axis'?"],
    [{LOSS: 1}, "f: unknown option 'LOSS'; did you mean 'loss'?"],
    [{loss: 1, lossy: undefined}, "f: unknown option 'lossy'; did you mean 'loss'?"],
    [{toString: 1}, "f: unknown option 'toString'; the options are 'adversarialWeight', 'axis' and 'loss'."],
    [undefined, 'f: the options must be an object, but it was given undefined; '],
    [null, 'f: the options must be an object, but it was given null; '],
    [[], 'f: the options must be an object, but it was given an array; '],
    ['axis', 'f: the options must be an object, but it was given string; '],
  ])('refuses %p', (options, message) => {
    expect(refuse(options)).toThrow(message);
  });

  test.each([[{}], [{axis: undefined}], [{axis: 1, loss: null}], [Object.create(null)]])('takes %p', options => {
    expect(refuse(options)).not.toThrow();
  });
});
