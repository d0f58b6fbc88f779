import {Command} from 'commander';
import {diagnose, formatDiagnosis} from '../node/doctor.js';

/** `tfjs-ragan doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say which backends are here, which would be used and why, and what to install for a faster one.')
    .option('--json', 'print JSON', false)
    .action(async ({json}: {json: boolean}) => {
      const diagnosis = await diagnose();
      process.stdout.write((json ? JSON.stringify(diagnosis, null, 2) : formatDiagnosis(diagnosis)) + '\n');
    });
}
