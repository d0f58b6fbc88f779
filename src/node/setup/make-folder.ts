import {randomUUID} from 'node:crypto';
import {rename, rm} from 'node:fs/promises';

/** Fills a folder beside its place and renames it when it is whole: an interrupted run leaves nothing that is used. */
export async function makeFolder(path: string, fill: (beside: string) => Promise<void>): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await fill(beside);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, {recursive: true, force: true});
    throw error;
  }
}
