import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Binding, NativeTensor} from './binding.js';
import {withSessionOptions} from './session-options.js';

/** A graph in a TensorFlow session of its own, where its variables live between runs. */
export class StepSession {
  private readonly session: number;
  private open = true;

  /** @param graph the file `saved_model.pb`, which the binding loads from a folder. */
  constructor(
    private readonly binding: Binding,
    graph: Uint8Array,
  ) {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ragan-step-'));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), graph);
      this.session = withSessionOptions(() => binding.loadSavedModel(folder, 'serve'));
    } finally {
      rmSync(folder, {recursive: true, force: true});
    }
  }

  /** Runs the part of the graph that the outputs need. */
  run(feeds: number[], feedNames: string, outputNames: string): NativeTensor[] {
    return this.binding.runSavedModel(this.session, feeds, feedNames, outputNames);
  }

  /** Runs for what it does; its outputs are deleted. */
  do(feeds: number[], feedNames: string, outputNames: string): void {
    for (const {id} of this.run(feeds, feedNames, outputNames)) this.binding.deleteTensor(id);
  }

  close(): void {
    if (this.open) this.binding.deleteSavedModel(this.session);
    this.open = false;
  }
}
