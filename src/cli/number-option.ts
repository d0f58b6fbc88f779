import {InvalidArgumentError} from 'commander';

/** Reads a number that an option is given. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('It is not a number.');
  return value;
}

/** Reads one of several numbers that an option is given, or `none`, for a list without any. */
export function numbers(text: string, before: number[] = []): number[] {
  return text === 'none' ? [] : [...before, number(text)];
}
