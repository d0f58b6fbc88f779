import type {Recording} from './recording.js';

/** Recordings in a row that must agree before they become a graph; more where a graph was found to be wrong. */
const AGREEING = 2;
const AGREEING_AFTER_CHANGE = 8;

/** Calls that run as usual before a step is recorded again that was refused; twice as many each time. */
const FIRST_WAIT = 100;

/** Recordings in a row that may disagree since something between two steps changed what they work on. */
const MAX_RESTARTS = 8;

/** What a step is tried with: to be freed where it is not kept. */
interface Trial {
  dispose(): void;
}

/** The attempt to capture a step for inputs of one shape. */
interface Attempt<T extends Trial> {
  /** The last recording, and how many up to it agreed. */
  last?: Recording;
  agreed: number;
  /** The graph of these recordings. */
  trial?: T | undefined;
  restarts: number;
  /** Why it was refused, how many calls are left to run as usual, and how many there will be the next time. */
  refusal?: string;
  left: number;
  wait: number;
}

/** Says for inputs of each shape whether a step that is not captured yet is recorded, and remembers its recordings. */
export class Attempts<T extends Trial> {
  private readonly byShape = new Map<string, Attempt<T>>();
  private needed = AGREEING;

  /** @param limit how many shapes are attempted side by side, and how many refused before all others are too. */
  constructor(private readonly limit: number) {}

  /** Why the step is not captured for the shapes that were refused: the latest reason. */
  get refusal(): string | undefined {
    return this.refused().at(-1)?.refusal;
  }

  /** Whether this call is to be recorded; counts those that are not. */
  isDue(shapes: string): boolean {
    const attempt = this.byShape.get(shapes);
    if (attempt && attempt.left > 0) {
      attempt.left--;
      return false;
    }
    return attempt !== undefined || this.refused().length < this.limit;
  }

  /** The recording before. */
  last(shapes: string): Recording | undefined {
    return this.byShape.get(shapes)?.last;
  }

  /** The graph that is tried. */
  trial(shapes: string): T | undefined {
    return this.byShape.get(shapes)?.trial;
  }

  /** Tries another graph from now on. */
  try(shapes: string, trial: T): void {
    const attempt = this.at(shapes);
    attempt.trial?.dispose();
    attempt.trial = trial;
  }

  /** Remembers a recording that agrees with the last one, if there is one; returns whether they were enough. */
  agree(shapes: string, recording: Recording): boolean {
    const attempt = this.at(shapes);
    attempt.agreed = attempt.last ? attempt.agreed + 1 : 1;
    attempt.last = recording;
    return attempt.agreed >= this.needed;
  }

  /** Remembers a recording in place of the last one, as the first of a row; returns false if that was so too often. */
  restart(shapes: string, recording: Recording): boolean {
    const attempt = this.at(shapes);
    attempt.trial?.dispose();
    Object.assign(attempt, {last: recording, agreed: 1, trial: undefined});
    return ++attempt.restarts <= MAX_RESTARTS;
  }

  /** The step runs as usual for a while, or for good. */
  refuse(shapes: string, refusal: string, forGood = false): void {
    const attempt = this.at(shapes);
    this.drop(shapes);
    // Behind the others, as the latest.
    const left = forGood ? Infinity : attempt.wait;
    this.byShape.set(shapes, {agreed: 0, restarts: 0, refusal, left, wait: 2 * attempt.wait});
  }

  /** The step is captured for these shapes, by the graph that was tried. */
  succeed(shapes: string): void {
    this.byShape.delete(shapes);
  }

  /** A graph was found to be wrong: what is recorded from now on must agree for longer. */
  distrust(): void {
    this.clear();
    this.needed = AGREEING_AFTER_CHANGE;
  }

  clear(): void {
    for (const shapes of [...this.byShape.keys()]) this.drop(shapes);
  }

  private drop(shapes: string): void {
    const trial = this.trial(shapes);
    this.byShape.delete(shapes);
    trial?.dispose();
  }

  private refused(): Attempt<T>[] {
    return [...this.byShape.values()].filter(({refusal}) => refusal !== undefined);
  }

  private at(shapes: string): Attempt<T> {
    const known = this.byShape.get(shapes);
    if (known) return known;
    // A shape that came once does not stand in the way of another.
    const open = [...this.byShape].flatMap(([key, {refusal}]) => (refusal === undefined ? [key] : []));
    if (open.length >= this.limit) this.drop(open[0]!);
    const attempt: Attempt<T> = {agreed: 0, restarts: 0, left: 0, wait: FIRST_WAIT};
    this.byShape.set(shapes, attempt);
    return attempt;
  }
}
