// The script of a worker thread: degrades the pictures that it is sent, one after the other.
import {parentPort} from 'node:worker_threads';
import {seededRandom} from '../../../seeded-random.js';
import type {Pixels} from '../pixels.js';
import {degrade} from './degrade.js';
import type {DegradationJob} from './pool.js';

parentPort!.on('message', ({high, values, scale, keys}: DegradationJob) => {
  degrade(high, values, scale, seededRandom(...keys)).then(
    (low: Pixels) => parentPort!.postMessage({low}),
    (error: unknown) => parentPort!.postMessage({error: (error as Error).message}),
  );
});
