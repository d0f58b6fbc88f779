import {Option} from 'commander';

/** `--pairs low high`, of `train` and `evaluate`. */
export function pairsOption(text: string): Option {
  // What is shown of it names two folders; more or fewer are refused by `requirePairs`.
  return new Option('--pairs <low> <high...>', text);
}

/** Refuses other than two folders. @throws one line. */
export function requirePairs(folders: readonly string[]): asserts folders is [low: string, high: string] {
  if (folders.length === 2) return;
  throw new Error(`--pairs must be two folders, low and high, but it is ${JSON.stringify(folders)}`);
}
