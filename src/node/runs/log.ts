import {access, appendFile, readFile} from 'node:fs/promises';
import {fileError, writeFileAtomically} from '../system/files.js';

/** A line of `log.jsonl`: the step, and losses or scores by name. What is not finite is null. */
export type LogRecord = Record<string, number | string | null>;

/** Adds a record to a run's log. */
export async function appendToLog(file: string, record: Record<string, unknown>): Promise<void> {
  try {
    await appendFile(file, JSON.stringify(record) + '\n');
  } catch (error) {
    throw fileError('write', file, error);
  }
}

/** The records of a run's log. A line that a kill or a full disk cut short is left out. */
export async function readLog(file: string): Promise<LogRecord[]> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileError('read', file, error);
  }
  return parseLog(content);
}

/** The records of lines; what is none is left out. */
export function parseLog(lines: string): LogRecord[] {
  return lines.split('\n').flatMap(line => {
    try {
      const record = JSON.parse(line) as LogRecord | null;
      return typeof record === 'object' && record !== null ? [record] : [];
    } catch {
      return [];
    }
  });
}

/**
 * Takes out of a log what a run that is resumed from `step` does again: what came after it, and the scores of then; returns
 * what stays. Where there is no log, none is made.
 */
export async function rewindLog(file: string, step: number): Promise<LogRecord[]> {
  const records = await readLog(file);
  const kept = records.filter(record => {
    const at = Number(record.step);
    return at < step || (at === step && !('evaluation' in record));
  });
  // Also what was cut short goes, or else the next record would be added to it.
  if (await isThere(file)) await writeFileAtomically(file, kept.map(record => JSON.stringify(record) + '\n').join(''));
  return kept;
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
