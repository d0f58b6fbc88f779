import {appendFile, readdir} from 'node:fs/promises';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {fileError, makeFolder} from '../system/files.js';
import {maskedCrc32c} from '../../crc32c.js';
import type {Event, Value} from './event.js';
import {encodeEvent} from './event.js';

/**
 * A file of events in a folder that TensorBoard watches. It is made with the first event, and every event is added whole:
 * a process that is killed leaves half of one at the very end at most, where readers stop.
 */
export class EventFile {
  private path: string | undefined;

  /**
   * @param folder made if it is missing.
   * @param firstStep where training begins, or goes on: what earlier files in the folder tell of this step and of later
   *   ones is not shown any more.
   */
  constructor(
    private readonly folder: string,
    private readonly firstStep = 0,
  ) {}

  /**
   * Adds values of a step, by tag. TensorBoard groups them by what their tags have before a slash.
   *
   * @throws one line naming the file and the reason.
   */
  async write(step: number, values: Readonly<Record<string, Value>>): Promise<void> {
    const events: Event[] = [{wallTime: now(), step, values}];
    try {
      if (this.path === undefined) {
        await makeFolder(this.folder);
        this.path = join(this.folder, await nextName(this.folder));
        const begin = {wallTime: now(), step: this.firstStep};
        events.unshift({...begin, fileVersion: 'brain.Event:2'}, {...begin, start: true});
      }
      await appendFile(this.path, Buffer.concat(events.map(event => record(encodeEvent(event)))));
    } catch (error) {
      throw fileError('write', this.path ?? this.folder, error);
    }
  }
}

/** Bytes as a record of a TFRecord file: their length and its checksum, the bytes and their checksum. */
export function record(bytes: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(12 + bytes.length + 4);
  framed.writeBigUInt64LE(BigInt(bytes.length));
  framed.writeUInt32LE(maskedCrc32c(framed.subarray(0, 8)), 8);
  framed.set(bytes, 12);
  framed.writeUInt32LE(maskedCrc32c(bytes), 12 + bytes.length);
  return framed;
}

/** A name behind those of all event files in the folder: TensorBoard reads them in this order, and never goes back. */
async function nextName(folder: string): Promise<string> {
  const last = (await readdir(folder))
    .map(name => Number(/^events\.out\.tfevents\.(\d{10})\./.exec(name)?.[1] ?? 0))
    .reduce((a, b) => Math.max(a, b), 0);
  return `events.out.tfevents.${Math.max(Math.floor(now()), last + 1)}.${hostname()}.${process.pid}`;
}

function now(): number {
  return Date.now() / 1000;
}
