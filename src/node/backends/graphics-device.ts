import {readdirSync} from 'node:fs';

/** The device files of Linux's graphics drivers: those of the kernel, NVIDIA's, that of WSL, and of some small boards. */
const DEVICE = /^(dri\/renderD\d+|nvidia\d+|dxg|kgsl-3d0|mali\d+|nvhost-gpu)$/;

/**
 * Whether there can be a GPU here: false where Linux has no device for one. Other systems show none as files, so there it
 * is always true.
 */
export function mayHaveGraphicsDevice(): boolean {
  return process.platform !== 'linux' || ['', 'dri/'].some(folder => devices(folder).some(name => DEVICE.test(name)));
}

function devices(folder: string): string[] {
  try {
    return readdirSync(`/dev/${folder}`).map(name => folder + name);
  } catch {
    return [];
  }
}
