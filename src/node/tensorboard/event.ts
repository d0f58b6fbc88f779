import Pbf from 'pbf';
import type {Histogram} from './histogram.js';

/** A picture, in a file format that TensorBoard shows. */
export interface Picture {
  width: number;
  height: number;
  /** The bytes of a PNG file. */
  png: Uint8Array;
}

/** One thing to show under a tag: a number, a picture or a histogram. */
export type Value = number | Picture | Histogram;

/** What an event file says of a step; values by tag. */
export interface Event {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  /** The file's first event names its format. */
  fileVersion?: string;
  /** Training starts here: what was told of this step and later ones before is not to be shown. */
  start?: boolean;
  values?: Readonly<Record<string, Value>>;
}

/** SessionLog.SessionStatus. */
const START = 1;

/** Colours of a pixel: TensorBoard looks into the file for what they are. */
const RGB = 3;

/**
 * An event as TensorFlow's Event message. The field numbers are those of core/util/event.proto and
 * core/framework/summary.proto.
 */
export function encodeEvent({wallTime, step, fileVersion, start, values}: Event): Uint8Array {
  const pbf = new Pbf();
  pbf.writeDoubleField(1, wallTime);
  pbf.writeVarintField(2, step);
  if (fileVersion !== undefined) pbf.writeStringField(3, fileVersion);
  if (values) pbf.writeMessage(5, writeSummary, values);
  if (start) pbf.writeMessage(7, (status, log) => log!.writeVarintField(1, status), START);
  return pbf.finish();
}

function writeSummary(values: Readonly<Record<string, Value>>, summary?: Pbf): void {
  for (const entry of Object.entries(values)) summary!.writeMessage(1, writeValue, entry);
}

function writeValue([tag, value]: [string, Value], pbf?: Pbf): void {
  pbf!.writeStringField(1, tag);
  if (typeof value === 'number') pbf!.writeFloatField(2, value);
  else if ('png' in value) pbf!.writeMessage(4, writePicture, value);
  else pbf!.writeMessage(5, writeHistogram, value);
}

function writePicture({width, height, png}: Picture, image?: Pbf): void {
  image!.writeVarintField(1, height);
  image!.writeVarintField(2, width);
  image!.writeVarintField(3, RGB);
  image!.writeBytesField(4, png);
}

function writeHistogram({min, max, count, sum, sumOfSquares, limits, counts}: Histogram, pbf?: Pbf): void {
  for (const [i, value] of [min, max, count, sum, sumOfSquares].entries()) pbf!.writeDoubleField(i + 1, value);
  pbf!.writePackedDouble(6, limits);
  pbf!.writePackedDouble(7, counts);
}
