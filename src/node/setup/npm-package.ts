import {copyFile, mkdir, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {NPM_PACKAGE_VERSION, npmPackage} from './options.js';
import {packageFolder} from './package-folder.cjs';
import type {CommandResult} from './run-command.js';
import {lastLine, runCommand} from './run-command.js';

/**
 * Installs `@tensorflow/tfjs-node` or `-gpu` with npm into a new folder, with the packages that it needs as the lock file
 * pins them, which holds for both. Its install script is switched off, and in place of `@tensorflow/tfjs` there is a
 * stand-in: a second copy would be a second engine, whose tensors the project's own knows nothing of. The package finds
 * the project's copy above itself once it is put in place.
 *
 * @returns the package's folder below `folder`.
 * @throws one line with what npm says.
 */
export async function installNpmPackage(npm: string, folder: string, cuda: boolean): Promise<string> {
  const name = npmPackage(cuda);
  const standIn = join(folder, 'stand-in');
  await mkdir(standIn, {recursive: true});
  await writeFile(
    join(standIn, 'package.json'),
    JSON.stringify({name: '@tensorflow/tfjs', version: NPM_PACKAGE_VERSION}),
  );
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({
      private: true,
      dependencies: {
        '@tensorflow/tfjs': 'file:./stand-in',
        [npmPackage(false)]: NPM_PACKAGE_VERSION,
        [npmPackage(true)]: NPM_PACKAGE_VERSION,
      },
    }),
  );
  await copyFile(join(packageFolder(), 'native', 'npm-lock.json'), join(folder, 'package-lock.json'));
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];
  const temporary = join(folder, 'temporary');
  await mkdir(temporary);
  const result = await runCommand(
    npm,
    ['ci', ...quiet, '--cache', join(temporary, 'cache'), '--logs-dir', join(temporary, 'logs')],
    {cwd: folder, env: {...withoutNpmSettings(), TMPDIR: temporary}},
  );
  if (result.status !== 0) {
    throw new Error(
      `npm cannot install ${name}: ${whyNotInstalled(result)}. Check the network and npm's settings (registry, proxy).`,
    );
  }
  for (const used of [standIn, temporary]) await rm(used, {recursive: true});
  for (const unused of ['@tensorflow/tfjs', npmPackage(!cuda), '.bin']) {
    await rm(join(folder, 'node_modules', unused), {recursive: true, force: true});
  }
  return join(folder, 'node_modules', name);
}

/** The error code and the line that explains it, of what npm says; the last line names a log file only. */
export function whyNotInstalled(result: CommandResult): string {
  const lines = [...result.stderr.matchAll(/^npm (?:error|ERR!) (.*)$/gm)].map(match => match[1]!.trim());
  const code = lines.find(line => line.startsWith('code '))?.slice('code '.length);
  const line =
    lines.find(text => !/^(code|errno|syscall|type|path|dest|A complete log)\b/.test(text)) ?? lastLine(result);
  return code === undefined || line.includes(code) ? line : `${code}: ${line}`;
}

/** npx and `npm run` hand their own project's settings down; this install is another project's. */
function withoutNpmSettings(): NodeJS.ProcessEnv {
  const own = /^npm_(config_(local_)?prefix|config_workspace|config_global|package|lifecycle|command)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}
