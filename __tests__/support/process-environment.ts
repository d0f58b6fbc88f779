import {runInThisContext} from 'node:vm';

/** Gives the tests of this file the environment variables of the process, which native code sees, and not jest's copy. */
export function useProcessEnvironment(): void {
  const {env} = runInThisContext('process') as typeof process;
  const copy = process.env;
  beforeAll(() => void (process.env = env));
  afterAll(() => void (process.env = copy));
}
