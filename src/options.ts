/** The names of an options interface, so that the compiler asks for one that is missing here and refuses one too many. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Refuses anything but an object whose members are all known: a misspelt option would otherwise be taken in silence. A
 * known option may be undefined.
 *
 * @param owner what was given the options, as the message is to name it.
 * @throws the unknown name, with the known one it is nearest to or else all of them.
 */
export function requireKnownOptions<Options extends object>(
  owner: string,
  options: Options,
  known: OptionNames<NoInfer<Options>>,
): void {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const found = given === null ? 'null' : Array.isArray(given) ? 'an array' : typeof given;
    throw new Error(
      `${owner}: the options must be an object, but it was given ${found}; ${listed(Object.keys(known))}.`,
    );
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const near = nearest(name, Object.keys(known));
    const wayOut = near === undefined ? listed(Object.keys(known)) : `did you mean '${near}'?`;
    throw new Error(`${owner}: unknown option '${name}'; ${wayOut}${near === undefined ? '.' : ''}`);
  }
}

/** Refuses `value` unless it is one of `allowed`, naming the option. */
export function requireOneOf<T>(owner: string, option: string, value: unknown, allowed: readonly T[]): void {
  if (!allowed.includes(value as T)) {
    const names = allowed.map(name => JSON.stringify(name)).join(', ');
    throw new Error(`${owner}: ${option} must be one of ${names}, but it is ${JSON.stringify(value)}.`);
  }
}

function listed(names: string[]): string {
  const quoted = names.map(name => `'${name}'`);
  if (quoted.length === 1) return `the only option is ${quoted[0]}`;
  return `the options are ${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
}

/** The known name that takes the fewest changes of a letter, if those are few for its length. */
function nearest(name: string, known: string[]): string | undefined {
  const distances = known.map(one => editDistance(name.toLowerCase(), one.toLowerCase()));
  const least = Math.min(...distances);
  const near = known[distances.indexOf(least)]!;
  return least <= Math.max(1, Math.floor(near.length / 3)) ? near : undefined;
}

/** Levenshtein's: how many letters must be put in, left out or replaced to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({length: b.length + 1}, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j]! + 1, row[j - 1]! + 1));
    }
  }
  return row[b.length]!;
}
