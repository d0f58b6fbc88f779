import {readFileSync} from 'node:fs';

/** Whether the processor has vectors of 512 bits; false where Linux does not tell. */
export function hasAvx512(): boolean {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8').includes(' avx512f ');
  } catch {
    return false;
  }
}
