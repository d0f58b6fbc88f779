import {resizeArray} from '../images/resize-array.js';
import type {Pixels} from './decode-image.js';
import {decodeImage} from './decode-image.js';
import {listImages} from './image-files.js';

/** A photo ready to cut patches from: both resolutions, cropped to a multiple of the scale. */
export interface Photo {
  high: Pixels;
  low: Pixels;
}

interface StoreOptions {
  patch: number;
  scale: number;
  cacheBytes: number;
  onWarning: (message: string) => void;
}

/**
 * The photos of a folder, decoded when asked for and kept, the least recently used ones going first when they take more
 * than `cacheBytes`. A photo that cannot be used is warned of once, by name, and stands aside for the next one.
 */
export class PhotoStore {
  private readonly cache = new Map<string, Promise<Photo>>();
  private readonly sizes = new Map<string, number>();
  private readonly unusable = new Set<string>();

  private constructor(
    private readonly folder: string,
    private readonly files: string[],
    private readonly options: StoreOptions,
  ) {}

  static async open(folder: string, options: StoreOptions): Promise<PhotoStore> {
    return new PhotoStore(folder, await listImages(folder), options);
  }

  /** The photo at `position` in [0, 1) of the folder, or the next usable one after it. */
  async at(position: number): Promise<Photo> {
    const start = Math.floor(position * this.files.length);
    for (let i = 0; i < this.files.length; i++) {
      const file = this.files[(start + i) % this.files.length]!;
      if (this.unusable.has(file)) continue;
      try {
        return await this.load(file);
      } catch (error) {
        this.cache.delete(file);
        if (!this.unusable.has(file)) this.options.onWarning(`skipping a photo: ${(error as Error).message}`);
        this.unusable.add(file);
      }
    }
    throw new Error(
      `no usable photo in the folder ${this.folder}: every one is broken or smaller than ${this.options.patch} x ${this.options.patch} pixels`,
    );
  }

  private load(file: string): Promise<Photo> {
    const cached = this.cache.get(file);
    const photo = cached ?? this.prepare(file);
    // A map remembers the order of insertion: the first is the one not used for longest.
    this.cache.delete(file);
    this.cache.set(file, photo);
    return photo;
  }

  private async prepare(file: string): Promise<Photo> {
    const {patch, scale} = this.options;
    const pixels = await decodeImage(file);
    if (Math.min(pixels.width, pixels.height) < patch) {
      throw new Error(`${file} has ${pixels.width} x ${pixels.height} pixels, and patches have ${patch} x ${patch}`);
    }
    const high = cropToMultiple(pixels, scale);
    const photo = {high, low: shrink(high, scale)};
    this.sizes.set(file, photo.high.data.length + photo.low.data.length);
    this.evict(file);
    return photo;
  }

  private evict(newest: string): void {
    const bytes = () => [...this.cache.keys()].reduce((sum, file) => sum + (this.sizes.get(file) ?? 0), 0);
    for (const file of [...this.cache.keys()]) {
      if (bytes() <= this.options.cacheBytes) return;
      if (file !== newest) this.cache.delete(file);
    }
  }
}

function cropToMultiple({data, width, height}: Pixels, scale: number): Pixels {
  const [cropped, rows] = [width - (width % scale), height - (height % scale)];
  if (cropped === width && rows === height) return {data, width, height, channels: 3};
  const out = new Uint8Array(cropped * rows * 3);
  for (let row = 0; row < rows; row++)
    out.set(data.subarray(row * width * 3, (row * width + cropped) * 3), row * cropped * 3);
  return {data: out, width: cropped, height: rows, channels: 3};
}

/** The low-resolution photo, rounded to 8 bits as the files of every benchmark are. */
function shrink(high: Pixels, scale: number): Pixels {
  const {data, width, height} = resizeArray(high, 1 / scale);
  return {
    data: Uint8Array.from(data, value => Math.min(255, Math.max(0, Math.round(value)))),
    width,
    height,
    channels: 3,
  };
}
