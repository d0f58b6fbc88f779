import {spawnSync} from 'node:child_process';
import {join} from 'node:path';

/** Runs a script where no GPU can be seen. */
function run(script: string, ...args: string[]) {
  const {status, stderr} = spawnSync(process.execPath, [join('scripts', script), ...args], {
    cwd: join(__dirname, '../..'),
    encoding: 'utf8',
    env: {...process.env, CUDA_VISIBLE_DEVICES: '-1', VK_DRIVER_FILES: '/dev/null', VK_ICD_FILENAMES: '/dev/null'},
  });
  return {status, stderr};
}

describe('without a GPU', () => {
  test.each(['cuda', 'webgpu'])('test:gpu refuses %s', backend => {
    const {status, stderr} = run('test-gpu.js', '--backend', backend);
    expect(stderr).toMatch(/^test:gpu needs a GPU, and there is none to use: /m);
    expect(status).toBe(2);
  });

  test('the specs of tfjs-core refuse cuda', () => {
    const {status, stderr} = run('tfjs-specs.js', '--backend', 'cuda');
    expect(stderr).toMatch(/TensorFlow (with CUDA is not set up|uses no GPU): npx tfjs-ragan (setup --cuda|doctor)/);
    expect(status).toBe(1);
  });
});

test('test:gpu names the backends it takes', () => {
  const {status, stderr} = run('test-gpu.js', '--backend', 'wasm');
  expect(stderr).toContain('the backend must be cuda or webgpu, but it is "wasm"');
  expect(status).toBe(2);
});
