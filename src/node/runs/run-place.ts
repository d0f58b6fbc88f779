/** Where a run keeps what it makes. */
export interface RunPlace {
  /** The run's folder. */
  path: string;
  /** Called before anything is written: throws if the folder is not this run's any more. */
  requireLock?(): Promise<void>;
}
