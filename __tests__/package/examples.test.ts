import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import ts from 'typescript';
import {compilerOptions, root} from '../support/program.js';

/** What the examples in docstrings speak of without making it, and its type. */
const GIVEN = {
  gan: `import('tfjs-ragan').GAN`,
  options: `import('tfjs-ragan').GANCompileOptions`,
  model: 'tf.LayersModel',
  generator: 'tf.LayersModel',
  features: `import('tfjs-ragan').Vgg19Features`,
  realLogits: 'tf.Tensor',
  fakeLogits: 'tf.Tensor',
  lowResolution: 'tf.Tensor4D',
  highResolution: 'tf.Tensor4D',
  output: 'tf.Tensor3D',
  truth: 'tf.Tensor3D',
};

/** The names that each entry exports, types among them. */
const ENTRIES = {
  'tfjs-ragan': exportedNames('src/index.ts'),
  'tfjs-ragan/wasm': exportedNames('src/wasm/index.ts'),
  'tfjs-ragan/node': exportedNames('src/node/index.ts'),
};

function exportedNames(file: string): string[] {
  const {statements} = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.ES2022);
  return statements.flatMap(one =>
    ts.isExportDeclaration(one) && one.exportClause && ts.isNamedExports(one.exportClause)
      ? one.exportClause.elements.map(({name}) => name.text)
      : [],
  );
}

interface Example {
  /** The file and the line it begins at. */
  place: string;
  code: string;
  extension: 'ts' | 'js';
}

/** The blocks of TypeScript and JavaScript in a Markdown file, which are complete programs. */
function markdownExamples(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^```(ts|js)\n(.*?)^```$/gms)].map(({index, 1: extension, 2: code}) => ({
    place: place(file, text, index),
    code: code!,
    extension: extension as 'ts' | 'js',
  }));
}

function program(file: string): Example {
  return {place: file, code: readFileSync(join(root, file), 'utf8'), extension: 'js'};
}

/** The examples in a source file's docstrings, with what they leave out. */
function docstringExamples(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  // An example ends at an empty line, at the next tag or with the comment.
  return [...text.matchAll(/^ *\* @example\n((?: *\* [^@\s].*\n| *\*  +.*\n)*)/gm)].map(({index, 1: lines}) => {
    const code = lines!.replace(/^ *\* /gm, '');
    return {place: place(file, text, index), code: preambleFor(code) + code, extension: 'ts'};
  });
}

function preambleFor(code: string): string {
  if (/^import /m.test(code)) return '';
  const used = (names: string[]) => names.filter(name => new RegExp(`\\b${name}\\b`).test(code));
  const given = Object.entries(GIVEN).filter(([name]) => !code.includes(`const ${name} `));
  return [
    `import * as tf from '@tensorflow/tfjs';`,
    ...Object.entries(ENTRIES).map(([entry, names]) => `import {${used(names).join()}} from '${entry}';`),
    ...given.map(([name, type]) => `declare const ${name}: ${type};`),
    '',
  ].join('\n');
}

function place(file: string, text: string, index: number): string {
  return `${file}:${text.slice(0, index).split('\n').length}`;
}

/** The files in a folder, and in the folders below it, whose names end so. */
function files(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), {recursive: true, encoding: 'utf8'})
    .filter(file => file.endsWith(ending))
    .map(file => join(folder, file))
    .sort();
}

const pages = [
  ...readdirSync(root).filter(file => file.endsWith('.md')),
  ...['docs', 'examples', 'bench'].flatMap(folder => files(folder, '.md')),
];
const sources = files('src', '.ts');
const examples = [
  ...pages.flatMap(markdownExamples),
  ...files('examples', '.js').map(program),
  ...sources.flatMap(docstringExamples),
];

test('no example is overlooked', () => {
  const count = (found: number, file: string) =>
    found + (readFileSync(join(root, file), 'utf8').match(/@example\b/g) ?? []).length;
  expect(sources.flatMap(docstringExamples)).toHaveLength(sources.reduce(count, 0));
  const languages = pages
    .flatMap(file => [...readFileSync(join(root, file), 'utf8').matchAll(/^ *```(.+)$/gm)])
    .map(([, language]) => language);
  expect(['js', 'sh', 'ts']).toEqual([...new Set(languages)].sort());
  for (const {place, code} of examples) expect([place, code.trim()]).not.toEqual([place, '']);
});

describe('the example at', () => {
  const compiled: Partial<Record<Example['extension'], ts.Program>> = {};
  // A program is where it is, since it may import the files beside it.
  const fileOf = ({place, extension}: Example) =>
    join(root, place.endsWith('.js') ? place : `${place.replace(/\W/g, '-')}.${extension}`);

  function compile(extension: Example['extension']): ts.Program {
    const options = compilerOptions();
    // JavaScript has no way to say what a parameter is.
    Object.assign(options, {checkJs: true, noImplicitAny: extension === 'ts'});
    // The paths lead to the sources; without them the name leads to the built package.
    if (process.env.TEST_BUILT) delete options.paths;
    const own = examples.filter(example => example.extension === extension);
    const files = new Map(own.map(example => [fileOf(example), example.code]));
    const host = ts.createCompilerHost(options);
    host.fileExists = file => files.has(file) || ts.sys.fileExists(file);
    host.readFile = file => files.get(file) ?? ts.sys.readFile(file);
    return ts.createProgram([...files.keys()], options, host);
  }

  test.each(examples)('$place type-checks', example => {
    const program = (compiled[example.extension] ??= compile(example.extension));
    const source = program.getSourceFile(fileOf(example))!;
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    expect(
      diagnostics.map(({messageText, start}) => {
        const line = source.getLineAndCharacterOfPosition(start!).line;
        return `${example.code.split('\n')[line]}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
      }),
    ).toEqual([]);
  });
});

test('examples/esrgan/train.js asks for photos where it finds none', () => {
  const script = join(root, 'examples/esrgan/train.js');
  const {status, stderr} = spawnSync(process.execPath, [script, 'nowhere'], {encoding: 'utf8'});
  expect(stderr).toBe('nowhere does not exist; give a folder of photos and a picture: node train.js PHOTOS PICTURE\n');
  expect(status).toBe(2);
});

test('examples/denoiser/train.js trains, and goes on where it stopped', () => {
  const run = mkdtempSync(join(tmpdir(), 'tfjs-ragan-denoiser-'));
  const script = join(root, 'examples/denoiser/train.js');
  const photos = join(root, 'examples/photos/val');
  const train = (steps: number) =>
    spawnSync(process.execPath, [script, photos, run, String(steps)], {encoding: 'utf8'});
  try {
    for (const steps of [20, 40]) {
      const {status, stdout, stderr} = train(steps);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`after step ${steps}: look at ${run}/samples`);
    }
    const lines = readFileSync(join(run, 'log.jsonl'), 'utf8').trim().split('\n');
    const log = lines.map(line => JSON.parse(line) as {step: number; content: number});
    expect(log.map(({step}) => step)).toEqual([10, 20, 30, 40]);
    expect(log[3]!.content).toBeLessThan(log[0]!.content);
    expect(readdirSync(run).sort()).toEqual([
      ...['checkpoint-000020.bin', 'checkpoint.bin', 'log.jsonl', 'model', 'samples'],
    ]);
    expect(readdirSync(join(run, 'samples'))).toEqual(['step-000020.png', 'step-000040.png']);
  } finally {
    rmSync(run, {recursive: true});
  }
});
