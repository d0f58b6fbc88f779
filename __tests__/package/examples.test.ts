import {spawnSync} from 'node:child_process';
import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import * as main from 'tfjs-ragan';
import * as node from 'tfjs-ragan/node';
import ts from 'typescript';

const root = join(__dirname, '../..');

/** What the examples in docstrings speak of without making it, and its type. */
const GIVEN = {
  gan: `import('tfjs-ragan').GAN`,
  model: 'tf.LayersModel',
  generator: 'tf.LayersModel',
  realLogits: 'tf.Tensor',
  fakeLogits: 'tf.Tensor',
  lowResolution: 'tf.Tensor4D',
  highResolution: 'tf.Tensor4D',
  output: 'tf.Tensor3D',
  truth: 'tf.Tensor3D',
};

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
  const used = (names: object) => Object.keys(names).filter(name => new RegExp(`\\b${name}\\b`).test(code));
  const given = Object.entries(GIVEN).filter(([name]) => !code.includes(`const ${name} `));
  return [
    `import * as tf from '@tensorflow/tfjs';`,
    `import {${used(main).join()}} from 'tfjs-ragan';`,
    `import {${used(node).join()}} from 'tfjs-ragan/node';`,
    ...given.map(([name, type]) => `declare const ${name}: ${type};`),
    '',
  ].join('\n');
}

function place(file: string, text: string, index: number): string {
  return `${file}:${text.slice(0, index).split('\n').length}`;
}

const examples = [
  ...markdownExamples('README.md'),
  ...markdownExamples('docs/captured-steps.md'),
  ...markdownExamples('docs/gpu.md'),
  program('examples/esrgan/train.js'),
  ...readdirSync(join(root, 'src'), {recursive: true, encoding: 'utf8'})
    .filter(file => file.endsWith('.ts'))
    .sort()
    .flatMap(file => docstringExamples(join('src', file))),
];

describe('the example at', () => {
  let compiled: ts.Program;
  const fileOf = ({place, extension}: Example) => join(root, `${place.replace(/\W/g, '-')}.${extension}`);

  beforeAll(() => {
    const {config} = ts.readConfigFile(join(root, 'tsconfig.json'), path => ts.sys.readFile(path)) as {config: unknown};
    const {options} = ts.parseJsonConfigFileContent(config, ts.sys, root);
    // JavaScript has no way to say what a parameter is.
    Object.assign(options, {allowJs: true, checkJs: true, noImplicitAny: false});
    // The paths lead to the sources; without them the name leads to the built package.
    if (process.env.TEST_BUILT) delete options.paths;
    const files = new Map(examples.map(example => [fileOf(example), example.code]));
    const host = ts.createCompilerHost(options);
    host.fileExists = file => files.has(file) || ts.sys.fileExists(file);
    host.readFile = file => files.get(file) ?? ts.sys.readFile(file);
    compiled = ts.createProgram([...files.keys()], options, host);
  });

  test.each(examples)('$place type-checks', example => {
    const source = compiled.getSourceFile(fileOf(example))!;
    const diagnostics = [...compiled.getSyntacticDiagnostics(source), ...compiled.getSemanticDiagnostics(source)];
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
