import type Pbf from 'pbf';

/** Writes a message within another. */
export function message(pbf: Pbf, field: number, write: (inner: Pbf) => void): void {
  pbf.writeMessage(field, (_, inner) => write(inner!), null);
}
