/** What a terminal, a shell or a system sends to have a program stop. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Signals within so many milliseconds are one: npx passes on what the terminal has sent to all of its programs. */
const TOGETHER = 1000;

/**
 * Has `stop` called at the first signal to stop; one that comes later than a second after it ends the process at once.
 *
 * @returns what takes it back.
 */
export function onStopSignal(stop: () => void): () => void {
  let state: 'running' | 'stopping' | 'impatient' = 'running';
  let timer: NodeJS.Timeout | undefined;
  const listener = () => {
    if (state === 'impatient') process.exit(130);
    if (state === 'stopping') return;
    state = 'stopping';
    // After signals that came during a step of many seconds have been seen, however late that is.
    timer = setTimeout(() => setImmediate(() => (state = 'impatient')), TOGETHER).unref();
    stop();
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.off(signal, listener);
  };
}
