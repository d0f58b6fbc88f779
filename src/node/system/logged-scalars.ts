import type {Diagnostics} from '../../training/diagnostics.js';

/** What logs have of a step besides the losses, whose means they have: its other scalars, and the memory of the process. */
export function loggedScalars({scalars}: Diagnostics): Record<string, number> {
  const others = Object.entries(scalars).filter(([name]) => !name.startsWith('loss/'));
  return {...Object.fromEntries(others), 'memory/residentBytes': process.memoryUsage.rss()};
}
