import {Command, CommanderError} from 'commander';
import {DivergenceError} from '../node/runs/divergence-error.js';
import {benchCommand} from './bench.js';
import {doctorCommand} from './doctor.js';
import {evaluateCommand} from './evaluate.js';
import {exportCommand} from './export.js';
import {setupCommand} from './setup.js';
import {trainCommand} from './train.js';
import {upscaleCommand} from './upscale.js';
import {VERSION} from './version.js';
import {watchCommand} from './watch.js';

/**
 * The command line: runs one command and resolves to the exit code: 0, 1 for a run that diverged, 2 for bad input or a disk that fails (for both
 * one line on stderr says what is wrong), 130 for a run that a signal stopped.
 */
export async function run(args: string[]): Promise<number> {
  let code = 0;
  const program = new Command('tfjs-ragan')
    .description('Train super-resolution GANs from a folder of photos, and use them.')
    .version(VERSION)
    .addCommand(trainCommand(result => (code = result)))
    .addCommand(upscaleCommand())
    .addCommand(evaluateCommand())
    .addCommand(exportCommand())
    .addCommand(watchCommand())
    .addCommand(setupCommand())
    .addCommand(doctorCommand())
    .addCommand(benchCommand(result => (code = result)))
    .showHelpAfterError('(add --help for the options)');
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync(args, {from: 'user'});
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const {message, stack} = error as Error;
    process.stderr.write(`tfjs-ragan: ${process.env.TFJS_RAGAN_DEBUG ? stack : message.split('\n')[0]}\n`);
    return error instanceof DivergenceError ? 1 : 2;
  }
}
