import {decodeImage} from './decode.js';
import {listReadableImages} from './files.js';
import type {PhotoFile, PhotoPair} from './pairs.js';
import {highOf, matchPairs, requireScale, requireScaleOfPairs} from './pairs.js';
import type {Pixels} from './pixels.js';
import {cutPixels} from './pixels.js';

interface StoreOptions {
  patch: number;
  scale: number;
  cacheBytes: number;
  except: string[];
  onWarning: (message: string) => void;
}

/** A decoded photo, and its low-resolution side where that is a file of its own. */
export interface StoredPhoto {
  high: Pixels;
  low?: Pixels;
}

/**
 * The photos of a folder, or those given, or pairs of them, cropped to a multiple of the scale: decoded when asked for and
 * kept, the least recently used ones going first when they take more than `cacheBytes`. A photo that cannot be used is
 * warned of once, by name, and stands aside for the next one.
 */
export class PhotoStore {
  private readonly cache = new Map<PhotoFile, Promise<StoredPhoto>>();
  /** Bytes of the photos in the cache that are decoded. */
  private readonly sizes = new Map<PhotoFile, number>();
  private readonly unusable = new Set<PhotoFile>();
  private bytes = 0;

  private constructor(
    private readonly source: string,
    private readonly files: PhotoFile[],
    private readonly options: StoreOptions,
  ) {}

  static async open(photos: string | PhotoPair | readonly PhotoFile[], options: StoreOptions): Promise<PhotoStore> {
    const [listed, source] = await list(photos, options);
    await requireScaleOfPairs(listed, options.scale);
    const files = listed.filter(file => !options.except.includes(highOf(file)));
    return new PhotoStore(source, files, options);
  }

  /** The photo at `position` in [0, 1) of the folder, or the next usable one after it. */
  async at(position: number): Promise<StoredPhoto> {
    const start = Math.floor(position * this.files.length);
    for (let i = 0; i < this.files.length; i++) {
      const file = this.files[(start + i) % this.files.length]!;
      if (this.unusable.has(file)) continue;
      try {
        return await this.load(file);
      } catch (error) {
        this.cache.delete(file);
        // Several may have waited for the same photo.
        if (!this.unusable.has(file)) this.options.onWarning(`skipping a photo: ${(error as Error).message}`);
        this.unusable.add(file);
      }
    }
    throw new Error(
      `no usable photo ${this.source}: every one is broken or smaller than ${this.options.patch} x ${this.options.patch} pixels`,
    );
  }

  private load(file: PhotoFile): Promise<StoredPhoto> {
    const photo = this.cache.get(file) ?? this.prepare(file);
    // A map remembers the order of insertion: the first is the one not used for longest.
    this.cache.delete(file);
    this.cache.set(file, photo);
    return photo;
  }

  private async prepare(file: PhotoFile): Promise<StoredPhoto> {
    const photo = await this.decode(file);
    const size = photo.high.data.length + (photo.low?.data.length ?? 0);
    this.sizes.set(file, size);
    this.bytes += size;
    this.evict(file);
    return photo;
  }

  private async decode(file: PhotoFile): Promise<StoredPhoto> {
    const {patch, scale} = this.options;
    const [high, low] = await Promise.all([
      decodeImage(highOf(file)),
      typeof file === 'string' ? undefined : decodeImage(file.low),
    ]);
    if (Math.min(high.width, high.height) < patch) {
      throw new Error(
        `${highOf(file)} has ${high.width} x ${high.height} pixels, and patches have ${patch} x ${patch}`,
      );
    }
    if (low && typeof file !== 'string') {
      requireScale(file, low, high, scale);
      return {high, low};
    }
    const [width, height] = [high.width - (high.width % scale), high.height - (high.height % scale)];
    const isMultiple = width === high.width && height === high.height;
    return {high: isMultiple ? high : cutPixels(high, {top: 0, left: 0, width, height})};
  }

  private evict(newest: PhotoFile): void {
    for (const file of this.cache.keys()) {
      if (this.bytes <= this.options.cacheBytes) return;
      const size = this.sizes.get(file);
      if (file === newest || size === undefined) continue;
      this.cache.delete(file);
      this.sizes.delete(file);
      this.bytes -= size;
    }
  }
}

/** The photos, and where they are in words. */
async function list(
  photos: string | PhotoPair | readonly PhotoFile[],
  {scale, onWarning}: StoreOptions,
): Promise<[readonly PhotoFile[], string]> {
  if (typeof photos === 'string') return [await listReadableImages(photos, onWarning), `in the folder ${photos}`];
  if (!('low' in photos)) return [photos, `among the ${photos.length} given`];
  const low = await listReadableImages(photos.low, onWarning);
  const high = await listReadableImages(photos.high, onWarning);
  return [matchPairs(photos, {low, high}, scale, onWarning), `in the folders ${photos.low} and ${photos.high}`];
}
