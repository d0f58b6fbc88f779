import type {FileHandle} from 'node:fs/promises';
import {parseLog} from '../runs/log.js';
import {openInside} from './inside.js';
import type {LogPart} from './state.js';

/** At most so many bytes at a time. */
const MOST = 2 ** 22;

/**
 * The records of a run's log behind a place in it, those of whole lines: the last one may be half-written still.
 *
 * @param place where an earlier part ended; anything else is the log's start.
 */
export async function readLogPart(folder: string, place: string): Promise<LogPart> {
  const file = await openInside(folder, 'log.jsonl');
  if (!file) return {records: [], place: '', fromStart: true, more: false};
  try {
    return await readFrom(file, place);
  } finally {
    await file.close();
  }
}

async function readFrom(file: FileHandle, place: string): Promise<LogPart> {
  const {ino, size} = await file.stat({bigint: true});
  const [, of, at] = /^(\d+)-(\d{1,15})$/.exec(place) ?? [];
  // A run that is resumed writes its log anew, as another file.
  const fromStart = of !== String(ino) || BigInt(at!) > size;
  const start = fromStart ? 0 : Number(at);
  const left = Number(size) - start;
  const {buffer, bytesRead} = await file.read(Buffer.alloc(Math.min(left, MOST)), 0, Math.min(left, MOST), start);
  const bytes = buffer.subarray(0, bytesRead);
  const lines = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
  // No line is that long: what is, is passed over.
  const read = lines.length === 0 && bytesRead === MOST ? bytesRead : lines.length;
  return {
    records: parseLog(lines.toString('utf8')),
    place: `${ino}-${start + read}`,
    fromStart,
    more: left > bytesRead,
  };
}
