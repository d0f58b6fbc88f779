import {execFileSync} from 'node:child_process';
import {join} from 'node:path';
import type {Diagnosis} from 'tfjs-ragan/node';
import {describeOnTensorFlow, tensorFlow} from '../support/backends.js';

/** A GPU does without. */
const describeOnProcessor = tensorFlow === 'cuda' ? describe.skip : describeOnTensorFlow;

describeOnProcessor('doctor says whether oneDNN computes', () => {
  test.each([
    [undefined, 'with oneDNN (by default)'],
    ['1', 'with oneDNN (TF_ENABLE_ONEDNN_OPTS=1)'],
    ['0', 'without oneDNN (TF_ENABLE_ONEDNN_OPTS=0)'],
  ])('for the setting %p', (setting, word) => {
    const main = join(__dirname, '../../dist/esm/cli/main.js');
    const env = {...process.env, TF_ENABLE_ONEDNN_OPTS: setting};
    const output = execFileSync(process.execPath, [main, 'doctor', '--json'], {env, encoding: 'utf8'});
    const {backends} = JSON.parse(output) as Diagnosis;
    expect(backends.find(({name}) => name === 'tensorflow')!.detail).toContain(word);
  });
});
