import type {LogRecord} from '../runs/log.js';

/** What the page of `tfjs-ragan watch` asks for again and again. */
export interface WatchState {
  /** The folder's name. */
  name: string;
  /** Whether a process is training there now. */
  running: boolean;
  /** What the run was started with, as far as it can be shown in a line; with the log's first records alone. */
  settings?: Record<string, string | number | boolean>;
  /** The sample sheets, the oldest first. */
  sheets: Sheet[];
  log: LogPart;
}

/** A sample sheet. */
export interface Sheet {
  /** Its file's name without the ending. */
  name: string;
  /** Another whenever the file is written anew. */
  version: string;
}

/** What a log holds behind a place in it. */
export interface LogPart {
  records: LogRecord[];
  /** The place behind these records. */
  place: string;
  /** Whether the records are the log's first ones: there was no such place, as the log was written anew. */
  fromStart: boolean;
  /** Whether there are more already. */
  more: boolean;
}
