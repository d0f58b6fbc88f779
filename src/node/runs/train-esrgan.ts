import {requireKnownOptions} from '../../options.js';
import type {BackendName} from '../backends/choice.js';
import {useBackend} from '../backends/choice.js';
import {requireSharp} from '../photos/degradation/jpeg.js';
import type {TrainEvents, TrainResult} from './events.js';
import {TRAIN_EVENTS} from './events.js';
import {takeRunFolder} from './folder.js';
import {runGenerator} from './generator.js';
import {perceptualFeatures} from './perceptual-features.js';
import {listRunPhotos} from './photos.js';
import {Session} from './session.js';
import type {TrainSettings} from './settings.js';
import {requireSettings} from './settings.js';

/**
 * Trains an ESRGAN on a folder of photos: a warm-up on pixels, then the relativistic GAN; everything it makes goes to
 * `settings.out`.
 *
 * @param settings see `TrainSettings`; `DEFAULT_SETTINGS` has all but `data`, or `pairs`.
 * @param signal aborts the run after the step under way, with a checkpoint.
 * @throws one line for anything wrong with the settings or the files, for a backend that cannot be used, or for a folder
 *   that another run uses or whose run the settings do not fit; nothing is left half-written. A `DivergenceError` when a
 *   loss, a weight or what the model makes is not finite any more: what was saved before stays.
 * @example
 * const {summary} = await trainEsrgan({...DEFAULT_SETTINGS, data: 'photos', out: 'run'});
 */
export async function trainEsrgan(
  settings: TrainSettings,
  events: TrainEvents = {},
  signal?: AbortSignal,
): Promise<TrainResult> {
  requireSettings(settings);
  requireKnownOptions('trainEsrgan events', events, TRAIN_EVENTS);
  const watched = {...events, onWarning: once(events.onWarning ?? console.warn)};
  const photos = await listRunPhotos(settings, watched.onWarning);
  if (settings.degradation === 'real-esrgan') await requireSharp();
  const folder = await takeRunFolder(settings.out, {resume: settings.resume});
  try {
    const chosen = await useBackend(
      settings.backend as BackendName | 'auto',
      settings.threads === undefined ? {} : {threads: settings.threads},
    );
    const features = await perceptualFeatures(settings.perceptual);
    try {
      const generator = await runGenerator(settings, folder);
      const session = new Session(settings, folder, watched, chosen.backend, generator, features, signal);
      return await session.run(photos, chosen.reason);
    } finally {
      features?.dispose();
    }
  } catch (error) {
    // Where the folder is gone nothing in it can be written: then that is the reason.
    await folder.requireLock();
    throw error;
  } finally {
    await folder.release();
  }
}

/** Each stage opens the photos anew; what is wrong with one of them is told once. */
function once(warn: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return message => {
    if (!told.has(message)) warn(message);
    told.add(message);
  };
}
