import {availableParallelism} from 'node:os';
import {join} from 'node:path';
import {Worker} from 'node:worker_threads';
import {packageFolder} from '../../setup/package-folder.cjs';
import type {Pixels} from '../pixels.js';
import type {DegradationValues} from './options.js';

/** What a worker is sent. */
export interface DegradationJob {
  high: Pixels;
  values: DegradationValues;
  scale: number;
  /** What its random choices follow from. */
  keys: number[];
}

type Answer = {low: Pixels} | {error: string};

/** Fewer could not keep up with a fast step, and more would wait for decoded photos. */
const WORKERS = {least: 2, most: 8};

/** Workers that have had nothing to do for so long end. */
const IDLE_MILLISECONDS = 10_000;

/**
 * Worker threads that degrade pictures beside the training. They start with the first pictures, keep no process running that waits
 * for none, and end when they are idle.
 */
export class DegradationPool {
  private readonly waiting: {job: DegradationJob; resolve: (low: Pixels) => void; reject: (error: Error) => void}[] =
    [];
  private readonly idle: {worker: Worker; end: NodeJS.Timeout}[] = [];
  private running = 0;

  /** @param size how many workers at most. Default: as many as the machine has cores but for one, from 2 to 8. */
  constructor(private readonly size = Math.max(WORKERS.least, Math.min(WORKERS.most, availableParallelism() - 1))) {}

  /** The low-resolution side of a picture: what `degrade` gives. */
  run(job: DegradationJob): Promise<Pixels> {
    return new Promise((resolve, reject) => {
      this.waiting.push({job, resolve, reject});
      this.next();
    });
  }

  private next(): void {
    if (this.waiting.length === 0) return;
    const free = this.idle.pop();
    if (!free && this.running >= this.size) return;
    if (free) clearTimeout(free.end);
    const worker = free?.worker ?? this.start();
    const {job, resolve, reject} = this.waiting.shift()!;
    worker.ref();
    const done = () => {
      // Not all of them: Node has some of its own there.
      for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
      worker.unref();
    };
    worker.once('message', (answer: Answer) => {
      done();
      const end = setTimeout(() => this.retire(worker), IDLE_MILLISECONDS).unref();
      this.idle.push({worker, end});
      if ('low' in answer) resolve(answer.low);
      else reject(new Error(answer.error));
      this.next();
    });
    const fail = (reason: string) => {
      done();
      this.running--;
      reject(new Error(`a worker thread that degrades pictures ended: ${reason}`));
      this.next();
    };
    worker.once('error', error => fail(error.message));
    worker.once('exit', code => fail(`exit code ${code}`));
    worker.postMessage(job);
  }

  private start(): Worker {
    this.running++;
    // Compiled, also where the sources are run.
    return new Worker(join(packageFolder(), 'dist/esm/node/photos/degradation/worker.js'));
  }

  private retire(worker: Worker): void {
    const place = this.idle.findIndex(one => one.worker === worker);
    if (place < 0) return;
    this.idle.splice(place, 1);
    this.running--;
    void worker.terminate();
  }
}

let shared: DegradationPool | undefined;

/** The workers of this process. */
export function degradationPool(): DegradationPool {
  return (shared ??= new DegradationPool());
}
