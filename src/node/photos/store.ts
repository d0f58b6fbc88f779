import {decodeImage} from './decode.js';
import {listReadableImages} from './files.js';
import type {Pixels} from './pixels.js';
import {cutPixels} from './pixels.js';

interface StoreOptions {
  patch: number;
  scale: number;
  cacheBytes: number;
  except: string[];
  onWarning: (message: string) => void;
}

/**
 * The photos of a folder, or those given, cropped to a multiple of the scale: decoded when asked for and kept, the least recently used
 * ones going first when they take more than `cacheBytes`. A photo that cannot be used is warned of once, by name, and
 * stands aside for the next one.
 */
export class PhotoStore {
  private readonly cache = new Map<string, Promise<Pixels>>();
  /** Bytes of the photos in the cache that are decoded. */
  private readonly sizes = new Map<string, number>();
  private readonly unusable = new Set<string>();
  private bytes = 0;

  private constructor(
    private readonly source: string,
    private readonly files: string[],
    private readonly options: StoreOptions,
  ) {}

  static async open(photos: string | readonly string[], options: StoreOptions): Promise<PhotoStore> {
    const listed = typeof photos === 'string' ? await listReadableImages(photos, options.onWarning) : photos;
    return new PhotoStore(
      typeof photos === 'string' ? `in the folder ${photos}` : `among the ${photos.length} given`,
      listed.filter(file => !options.except.includes(file)),
      options,
    );
  }

  /** The photo at `position` in [0, 1) of the folder, or the next usable one after it. */
  async at(position: number): Promise<Pixels> {
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

  private load(file: string): Promise<Pixels> {
    const photo = this.cache.get(file) ?? this.prepare(file);
    // A map remembers the order of insertion: the first is the one not used for longest.
    this.cache.delete(file);
    this.cache.set(file, photo);
    return photo;
  }

  private async prepare(file: string): Promise<Pixels> {
    const {patch, scale} = this.options;
    const pixels = await decodeImage(file);
    if (Math.min(pixels.width, pixels.height) < patch) {
      throw new Error(`${file} has ${pixels.width} x ${pixels.height} pixels, and patches have ${patch} x ${patch}`);
    }
    const [width, height] = [pixels.width - (pixels.width % scale), pixels.height - (pixels.height % scale)];
    const isMultiple = width === pixels.width && height === pixels.height;
    const photo = isMultiple ? pixels : cutPixels(pixels, {top: 0, left: 0, width, height});
    this.sizes.set(file, photo.data.length);
    this.bytes += photo.data.length;
    this.evict(file);
    return photo;
  }

  private evict(newest: string): void {
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
