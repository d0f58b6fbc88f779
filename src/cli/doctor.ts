import {Command} from 'commander';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import type {Diagnosis} from '../node/backends/doctor.js';
import {formatDiagnosis} from '../node/backends/doctor.js';
import {packageFolder} from '../node/setup/package-folder.cjs';
import {lastLine, runCommand} from '../node/setup/run-command.js';

/** What the library below webgpu prints whenever it starts, and which means nothing here. */
const NOISE = /^Warning: max\w+ artificially reduced/;

/** `tfjs-ragan doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say which backends are here, which would be used and why, and what to install for a faster one.')
    .option('--json', 'print JSON', false)
    .action(async ({json}: {json: boolean}) => {
      const diagnosis = await diagnoseQuietly();
      process.stdout.write((json ? JSON.stringify(diagnosis, null, 2) : formatDiagnosis(diagnosis)) + '\n');
    });
}

/** Diagnoses in a process of its own: what native libraries print on stderr can be kept back only from outside. */
async function diagnoseQuietly(): Promise<Diagnosis> {
  const module = pathToFileURL(join(packageFolder(), 'dist/esm/node/backends/doctor.js')).href;
  const program = `import {diagnose} from ${JSON.stringify(module)}; console.log(JSON.stringify(await diagnose()));`;
  const result = await runCommand(process.execPath, ['--input-type=module', '--eval', program]);
  if (result.status !== 0) throw new Error(`a backend broke off the diagnosis: ${lastLine(result)}`);
  process.stderr.write(
    result.stderr
      .split('\n')
      .filter(line => !NOISE.test(line))
      .join('\n'),
  );
  return JSON.parse(result.stdout.trim().split('\n').at(-1)!) as Diagnosis;
}
