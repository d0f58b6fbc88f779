import {spawn, spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {removeTensorFlow, setUpTensorFlow} from 'tfjs-ragan/node';
import {SOURCES} from '../../../src/node/setup/compile.js';
import {placedPackage} from '../../../src/node/setup/placed-package.js';
import {prove} from '../../../src/node/setup/prove.js';
import {fakePrograms} from '../../support/fake-programs.js';

// The real thing is fetched, compiled and trained in .ci/run. Here pip, npm and the compiler are scripts that leave
// behind what the real ones would, and write down that they ran.
jest.mock('../../../src/node/setup/package-folder.cjs', () => ({packageFolder: () => process.env.TEST_PACKAGE_FOLDER}));
jest.mock('../../../src/node/setup/prove.js', () => ({prove: jest.fn()}));

const linux = process.platform === 'linux' && process.arch === 'x64';
const describeOnLinux = linux ? describe : describe.skip;

const scripts = (log: string) => ({
  python3: `
    case "$*" in *--version*) exit 0;; esac
    echo "pip $*" >> ${log}
    echo "temporary $TMPDIR" >> ${log}
    echo "settings PIP_USER=$PIP_USER PIP_RETRIES=$PIP_RETRIES" >> ${log}
    while [ "$1" != --target ]; do shift; done
    [ -z "$FAIL_PIP" ] || { mkdir -p "$2/half"; echo "ERROR: No space left on device" >&2; exit 1; }
    sleep 0.3
    mkdir -p "$2/tensorflow/include/tensorflow/c" "$2/tensorflow/include/Eigen" "$2/tensorflow/python"
    touch "$2/tensorflow/libtensorflow_cc.so.2" "$2/tensorflow/libtensorflow_framework.so.2"
    touch "$2/tensorflow/include/tensorflow/c/c_api.h" "$2/tensorflow/include/Eigen/Core" "$2/tensorflow/python/x.so"
    mkdir -p "$2/nvidia/cudnn/lib" "$2/nvidia/cudnn/include" "$2/nvidia/cuda_nvcc/bin"
    touch "$2/nvidia/cudnn/lib/libcudnn.so.9" "$2/nvidia/cudnn/include/cudnn.h" "$2/nvidia/cuda_nvcc/bin/ptxas"
    echo "Downloading tensorflow.whl (1 MB)"`,
  npm: `
    echo "npm $*" >> ${log}
    echo "temporary $TMPDIR" >> ${log}
    mkdir -p node_modules/@tensorflow/tfjs-node node_modules/@tensorflow/tfjs-node-gpu node_modules/@tensorflow/tfjs`,
  'g++': `echo "g++ $*" >> ${log}; echo "temporary $TMPDIR" >> ${log}; while [ "$1" != -o ]; do shift; done; echo compiled > "$2"`,
});

/** What is compiled: the npm package's version, and the digest of sources that hold `//`. */
const INSTALLED = `npm-4.22.0-${createHash('sha256').update('//'.repeat(SOURCES.length)).digest('hex').slice(0, 8)}`;

/** Whether a process is there and not just waiting to be forgotten, which in a container can take for ever. */
const isRunning = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describeOnLinux('setUpTensorFlow', () => {
  const environment = {...process.env};
  let folder: string;
  let cache: string;
  let log: string;
  let progress: string[];
  const inPackage = (...names: string[]) => join(folder, 'package', ...names);
  const setUp = (options = {}) => setUpTensorFlow({folder: cache, onProgress: line => progress.push(line), ...options});
  const ran = (program: string) =>
    (existsSync(log) ? readFileSync(log, 'utf8') : '').split('\n').filter(line => line.startsWith(`${program} `));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tfjs-ragan-setup-'));
    cache = join(folder, 'cache');
    log = join(folder, 'log');
    progress = [];
    mkdirSync(inPackage('native'), {recursive: true});
    mkdirSync(inPackage('node_modules/node-api-headers'), {recursive: true});
    writeFileSync(inPackage('node_modules/node-api-headers/index.js'), 'exports.include_dir = "/headers"');
    writeFileSync(inPackage('native/requirements-cpu.txt'), '# pinned\ntensorflow-cpu==2.21.0 --hash=sha256:00\n');
    for (const name of SOURCES) writeFileSync(inPackage(`native/${name}`), '//');
    writeFileSync(inPackage('native/npm-lock.json'), '{"lockfileVersion": 3}');
    writeFileSync(inPackage('native/requirements-cuda.txt'), 'tensorflow==2.21.0 --hash=sha256:00\n');
    process.env = {
      ...environment,
      TEST_PACKAGE_FOLDER: inPackage(),
      PATH: fakePrograms(join(folder, 'bin'), scripts(log)),
    };
    delete process.env.CXX;
    jest.mocked(prove).mockReset().mockResolvedValue({reason: 'TensorFlow on a test', gpu: false});
  });
  afterEach(() => {
    process.env = {...environment};
    rmSync(folder, {recursive: true, force: true});
  });

  test('fetches by hash, keeps libraries and headers, compiles, and puts the package in place', async () => {
    const result = await setUp();
    expect(result).toMatchObject({name: '@tensorflow/tfjs-node', version: '2.21.0', reason: 'TensorFlow on a test'});
    expect(await placedPackage()).toMatchObject({name: '@tensorflow/tfjs-node', folder: result.folder});
    expect(readFileSync(join(result.folder, 'lib/napi-v8/tfjs_binding.node'), 'utf8')).toBe('compiled\n');
    expect(existsSync(inPackage('placed/node_modules/@tensorflow/tfjs'))).toBe(false);
    expect(ran('pip')[0]).toMatch(/--no-deps .*--require-hashes -r .*requirements-cpu\.txt$/);
    expect(ran('npm')[0]).toContain('--ignore-scripts');
    expect(readdirSync(join(cache, 'tensorflow-cpu-2.21.0')).sort()).toEqual([INSTALLED, 'nvidia', 'tensorflow']);
    expect(readdirSync(result.tensorflow).sort()).toEqual([
      'include',
      'libtensorflow_cc.so.2',
      'libtensorflow_framework.so.2',
    ]);
    expect(readdirSync(join(result.tensorflow, 'include'))).toEqual(['tensorflow']);
    expect(readdirSync(join(cache, 'tensorflow-cpu-2.21.0/nvidia')).sort()).toEqual(['cuda_nvcc', 'cudnn']);
    expect(readdirSync(join(cache, 'tensorflow-cpu-2.21.0/nvidia/cudnn'))).toEqual(['lib']);
    expect(progress.join('\n')).toMatch(/Fetching TensorFlow 2\.21\.0[^]*Compiling[^]*Training/);
  });

  test('compiles again what other sources of its own gave', async () => {
    await setUp();
    expect(ran('g++')[0]).toMatch(
      /native\/session_options\.cc \S+\/native\/winograd_ops\.cc .*--wrap=TF_NewSessionOptions/,
    );
    writeFileSync(inPackage('native/winograd.h'), '// another version');
    await setUp();
    expect(ran('g++')).toHaveLength(4);
    expect(ran('pip')).toHaveLength(1);
  });

  test('touches nothing outside the private folder and the package', async () => {
    await setUp();
    expect(readdirSync(folder).sort()).toEqual(['bin', 'cache', 'log', 'package']);
    expect(readdirSync(inPackage()).sort()).toEqual(['native', 'node_modules', 'placed']);
  });

  test('keeps the temporary files of pip, npm and the compiler in the private folder, and npm its cache and logs', async () => {
    await setUp();
    expect(ran('temporary')).toHaveLength(4);
    for (const line of ran('temporary')) expect(line).toContain(`temporary ${cache}/`);
    expect(ran('npm')[0]).toMatch(new RegExp(` --cache ${cache}/.* --logs-dir ${cache}/`));
    expect(readdirSync(join(cache, 'tensorflow-cpu-2.21.0', INSTALLED))).toEqual([
      'node_modules',
      'package-lock.json',
      'package.json',
    ]);
  });

  test('installs the npm packages that the lock file pins, from whichever registry there is, and keeps the one', async () => {
    await setUp();
    expect(ran('npm')[0]).toMatch(/^npm ci /);
    const lock = readFileSync(join(cache, 'tensorflow-cpu-2.21.0', INSTALLED, 'package-lock.json'), 'utf8');
    expect(lock).toBe('{"lockfileVersion": 3}');
    expect(readdirSync(inPackage('placed/node_modules/@tensorflow'))).toEqual(['tfjs-node']);
    const {packages} = JSON.parse(readFileSync(join(__dirname, '../../../native/npm-lock.json'), 'utf8')) as {
      packages: Record<string, {resolved?: string; integrity?: string; link?: boolean}>;
    };
    for (const [path, {resolved, integrity, link}] of Object.entries(packages)) {
      if (link || !path.startsWith('node_modules/')) continue;
      expect({path, resolved, pinned: integrity !== undefined}).toEqual({path, resolved: undefined, pinned: true});
    }
  });

  test('finds out before the fetch that the package cannot be written, and says what to do', async () => {
    process.env.TEST_PACKAGE_FOLDER = '/proc/self'; // where not even root can make a file
    await expect(setUp()).rejects.toThrow(/^cannot write to \/proc\/self: .* run setup as the owner of that folder/);
    expect(ran('pip')).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  });

  test("overrules the user's pip settings that do not go with it", async () => {
    Object.assign(process.env, {PIP_USER: '1', PIP_RETRIES: '0'});
    await setUp();
    expect(ran('settings')).toEqual(['settings PIP_USER=0 PIP_RETRIES=1']);
  });

  test('does nothing twice, not even after the package was installed anew', async () => {
    await setUp();
    rmSync(inPackage('placed'), {recursive: true});
    rmSync(join(folder, 'bin', 'g++')); // as in an image that only runs what another compiled
    await setUp();
    expect(ran('pip')).toHaveLength(1);
    expect(ran('npm')).toHaveLength(1);
    expect(ran('g++')).toHaveLength(2); // the binding and the quiet loader
    expect(await placedPackage()).toBeDefined();
  });

  test('two at once: the second waits and finds all done', async () => {
    await Promise.all([setUp(), setUp()]);
    expect(ran('pip')).toHaveLength(1);
    expect(progress.filter(line => line.includes('waiting for it'))).toHaveLength(1);
  });

  test('two at once with folders of their own: one after the other in the package', async () => {
    await Promise.all([setUp(), setUp({folder: join(folder, 'other')})]);
    expect(progress.filter(line => line.includes(`working in ${inPackage()}: waiting`))).toHaveLength(1);
    expect(readdirSync(inPackage()).sort()).toEqual(['native', 'node_modules', 'placed']);
  });

  test('starts over cleanly after a fetch that failed or was interrupted', async () => {
    process.env.FAIL_PIP = '1';
    await expect(setUp()).rejects.toThrow('no space is left on the disk');
    expect(readdirSync(cache)).toEqual([]);
    delete process.env.FAIL_PIP;
    mkdirSync(join(cache, 'tensorflow-cpu-2.21.0.1234.tmp', 'pip'), {recursive: true});
    await setUp();
    expect(readdirSync(cache)).toEqual(['tensorflow-cpu-2.21.0']);
  });

  test('leaves no backend behind that does not train, and compiles it again next time', async () => {
    jest.mocked(prove).mockRejectedValueOnce(new Error('other numbers than the reference'));
    await expect(setUp()).rejects.toThrow('other numbers');
    expect(await placedPackage()).toBeUndefined();
    await setUp();
    expect(ran('pip')).toHaveLength(1);
    expect(ran('g++')).toHaveLength(4);
  });

  test('what worked before stays until the new one has trained', async () => {
    await setUp();
    jest.mocked(prove).mockImplementationOnce(async beside => {
      // It is tried where it lies, and not yet in use.
      expect(existsSync(join(beside, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node'))).toBe(true);
      expect(await placedPackage()).toMatchObject({version: '2.21.0'});
      throw new Error('other numbers than the reference');
    });
    await expect(setUp({version: '2.20.0'})).rejects.toThrow('other numbers');
    expect(await placedPackage()).toMatchObject({version: '2.21.0'});
    expect(readdirSync(inPackage()).sort()).toEqual(['native', 'node_modules', 'placed']);
  });

  test('an interrupt while it is tried leaves nothing in use, and what it leaves is removed', async () => {
    const left = ['placed.12.tmp', 'placed.34.old'];
    for (const name of left) mkdirSync(inPackage(name, 'node_modules'), {recursive: true});
    expect(await placedPackage()).toBeUndefined();
    expect(await removeTensorFlow({folder: cache})).toEqual(left.map(name => inPackage(name)));
    for (const name of left) mkdirSync(inPackage(name));
    await setUp();
    expect(readdirSync(inPackage()).sort()).toEqual(['native', 'node_modules', 'placed']);
  });

  describe('with CUDA', () => {
    const withCard = (line: string) => fakePrograms(join(folder, 'bin'), {'nvidia-smi': `echo "${line}"`});
    beforeEach(() => delete process.env.CUDA_VISIBLE_DEVICES);

    test('refuses a driver that is too old before it fetches anything', async () => {
      withCard('NVIDIA H100, 9.0, 535.104, 81000');
      await expect(setUp({cuda: true})).rejects.toThrow(
        'the NVIDIA driver is too old: NVIDIA H100 needs 555.42 or later, and 535.104 is here: update it, or leave --cuda out',
      );
      expect(existsSync(log)).toBe(false);
    });

    test('must train on the GPU where the driver names one', async () => {
      withCard('NVIDIA A10, 8.6, 570.86, 24000');
      jest.mocked(prove).mockResolvedValue({reason: 'TensorFlow on a GPU', gpu: true});
      expect(await setUp({cuda: true})).not.toHaveProperty('noGpu');
      expect(prove).toHaveBeenCalledWith(expect.stringContaining(inPackage('placed.')), 'cuda');
      expect(progress.at(-1)).toContain('on NVIDIA A10');
    });

    test('trains on the CPU where there is none, and says what is missing', async () => {
      const {noGpu} = await setUp({cuda: true});
      expect(prove).toHaveBeenCalledWith(expect.anything(), 'tensorflow');
      if (!existsSync('/proc/driver/nvidia/version')) expect(noGpu).toMatch(/^only the driver is missing: install/);
      process.env.CUDA_VISIBLE_DEVICES = '-1';
      withCard('NVIDIA A10, 8.6, 570.86, 24000');
      expect((await setUp({cuda: true})).noGpu).toContain('hides every GPU');
    });

    test('refuses a TensorFlow that is built without it', async () => {
      const {tensorflow} = await setUp();
      writeFileSync(
        join(tensorflow, 'libtensorflow_framework.so.2'),
        '(TensorFlow was not compiled with CUDA support)',
      );
      await expect(setUp({cuda: true, tensorflow})).rejects.toThrow(
        `the TensorFlow in ${tensorflow} is built without CUDA: name one with CUDA, leave --tensorflow out`,
      );
      expect(ran('npm')).toHaveLength(1);
    });
  });

  test('takes another version without pinned hashes, and CUDA under the name of the GPU package', async () => {
    const {version} = await setUp({version: '2.20.0'});
    expect(version).toBe('2.20.0');
    expect(ran('pip')[0]).toMatch(/tensorflow-cpu==2\.20\.0$/);
    expect(await setUp({cuda: true})).toMatchObject({name: '@tensorflow/tfjs-node-gpu', cuda: true});
    expect(ran('pip')[1]).toMatch(/requirements-cuda\.txt$/);
  });

  test('uses a TensorFlow that is there, where it is', async () => {
    const {tensorflow} = await setUp();
    const result = await setUp({tensorflow});
    expect(result.tensorflow).toBe(tensorflow);
    expect(ran('pip')).toHaveLength(1);
    expect(ran('g++').at(-1)).toContain(`-rpath -Xlinker ${tensorflow}`);
    expect(progress.join('\n')).toContain(`Using the TensorFlow (whose version is not recorded) in ${tensorflow}`);
    // Another one in the same place.
    writeFileSync(join(tensorflow, 'libtensorflow_cc.so.2'), 'newer');
    await setUp({tensorflow});
    expect(ran('npm')).toHaveLength(3);
  });

  test('removal undoes it and leaves what is not its own', async () => {
    await setUp();
    writeFileSync(join(cache, 'mine'), '');
    expect(await removeTensorFlow()).toHaveLength(2);
    expect(readdirSync(cache)).toEqual(['mine']);
    expect(readdirSync(inPackage()).sort()).toEqual(['native', 'node_modules']);
    expect(await removeTensorFlow({folder: cache})).toEqual([]);
    rmSync(join(cache, 'mine'));
    await removeTensorFlow({folder: cache});
    expect(existsSync(cache)).toBe(false);
  });

  test('removal of nothing asks for no right to write', async () => {
    process.env.TEST_PACKAGE_FOLDER = '/proc/self';
    expect(await removeTensorFlow({folder: cache})).toEqual([]);
  });

  test('removal waits for a setup that is at work', async () => {
    const working = setUp();
    while (!existsSync(inPackage('placed.lock'))) await new Promise(resolve => setTimeout(resolve, 10));
    const waits: string[] = [];
    const removed = removeTensorFlow({folder: cache, onProgress: line => waits.push(line)});
    await working;
    expect(await removed).toHaveLength(2);
    expect(waits).toEqual([expect.stringContaining(`Another setup is working in ${cache}: waiting for it`)]);
    expect(readdirSync(inPackage()).sort()).toEqual(['native', 'node_modules']);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s ends pip with all that it started', async signal => {
    const main = join(__dirname, '../../../dist/esm/cli/main.js');
    const started = join(folder, 'started');
    const child = spawn(process.execPath, [main, 'setup', '--dir', cache], {
      env: {
        ...process.env,
        PATH: fakePrograms(join(folder, 'bin'), {
          python3: `case "$*" in *--version*) exit 0;; esac; sleep 60 & echo $! > ${started}; mv ${started} ${started}.pid; wait`,
        }),
      },
    });
    const ended = new Promise(resolve => child.on('exit', (_, by) => resolve(by)));
    while (!existsSync(`${started}.pid`)) await new Promise(resolve => setTimeout(resolve, 20));
    const pid = Number(readFileSync(`${started}.pid`, 'utf8'));
    expect(isRunning(pid)).toBe(true);
    child.kill(signal);
    expect(await ended).toBe(signal);
    while (isRunning(pid)) await new Promise(resolve => setTimeout(resolve, 20));
    expect(existsSync(join(cache, 'setup.lock'))).toBe(false);
  });

  test('says in one line what is missing', () => {
    const main = join(__dirname, '../../../dist/esm/cli/main.js');
    const {status, stderr} = spawnSync(process.execPath, [main, 'setup', '--dir', cache], {
      encoding: 'utf8',
      env: {...environment, PATH: '/nowhere', CXX: ''},
    });
    expect(stderr).toMatch(/^tfjs-ragan: no C\+\+ compiler was found .*\n$/);
    expect(status).toBe(2);
  });
});
