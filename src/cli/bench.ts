import {Command} from 'commander';
import {spawn} from 'node:child_process';
import {join} from 'node:path';
import {beforeEnd} from '../node/system/before-end.js';
import {packageFolder} from '../node/setup/package-folder.cjs';

/** `tfjs-ragan bench`: the package's benchmark, in a process of its own; `report` receives its exit code. */
export function benchCommand(report: (code: number) => void): Command {
  return new Command('bench')
    .description('Measure the speed of a training step and of the convolutions here; bench --help lists the options.')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[options...]')
    .action(async (options: string[]) => {
      const script = join(packageFolder(), 'bench', 'index.js');
      const child = spawn(process.execPath, [script, ...options], {stdio: 'inherit'});
      const takeBack = beforeEnd(() => child.kill());
      report(
        await new Promise<number>((resolve, reject) => {
          child.once('error', reject);
          child.once('close', code => resolve(code ?? 130));
        }).finally(takeBack),
      );
    });
}
