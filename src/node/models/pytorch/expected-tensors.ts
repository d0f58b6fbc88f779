import type {SafetensorsTensor} from '../../../models/safetensors.js';

/** The tensors of a file by name. */
export type Tensors = Readonly<Record<string, SafetensorsTensor>>;

/** Refuses tensors that belong to a network by some of their names, but cannot be its weights. */
export function refuse(network: string, reason: string): never {
  throw new Error(`by its first names it is ${network}, but ${reason}`);
}

/**
 * Refuses tensors of other names, shapes or kinds than a network's weights.
 *
 * @param network with its article, as the error names it.
 * @throws what the first one is that does not fit.
 */
export function requireTensors(network: string, expected: ReadonlyMap<string, number[]>, tensors: Tensors): void {
  for (const [name, shape] of expected) {
    const found = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
    if (!found) refuse(network, `has no ${name}`);
    if (found.shape.join() !== shape.join()) {
      refuse(network, `its ${name} is [${found.shape.join(', ')}] instead of [${shape.join(', ')}]`);
    }
    if (!found.dtype.includes('float')) refuse(network, `its ${name} is of ${found.dtype}, no floating-point numbers`);
  }
  const other = Object.keys(tensors).find(name => !expected.has(name));
  if (other !== undefined) refuse(network, `has ${other} too, which no layer of it uses`);
}
