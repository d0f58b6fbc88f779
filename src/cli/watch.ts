import {Command, InvalidArgumentError} from 'commander';
import {watchRun} from '../node/watch/server.js';
import {onOutputLost} from './output.js';
import {onStopSignal} from './stop-signals.js';

/** `tfjs-ragan watch`. */
export function watchCommand(): Command {
  return new Command('watch')
    .description(
      'Show a run in a page of this machine: its curves, samples and settings, as it goes on or when it is done.',
    )
    .argument('<run>', "the run's folder, which train was given as --out")
    .option(
      '--port <number>',
      'where the page is served; 0 for any free port (default: 6007, or any if it is taken)',
      port,
    )
    .addHelpText('after', '\nOnly this machine can open the page, and nothing in the run is changed. Ctrl-C ends it.')
    .action(async (folder: string, options: {port?: number}) => {
      const {url, close} = await watchRun(folder, options.port);
      process.stdout.write(`${folder} is shown at ${url} until Ctrl-C\n`);
      await new Promise<void>(stop => {
        onStopSignal(stop);
        onOutputLost(stop);
      });
      await close();
    });
}

function port(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > 65535) {
    throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
  }
  return value;
}
