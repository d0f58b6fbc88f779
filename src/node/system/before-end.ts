const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Marks the listeners of every copy of this file in the process: none of them takes another for the program's own. */
const OURS = Symbol.for('tfjs-ragan.beforeEnd');

const waiting = new Set<{clean: () => void}>();

/**
 * Has `clean` called if this process is ended early: by a signal, which then still ends it, or by `process.exit`. A signal
 * that the program handles itself does not end the process, so nothing is cleaned until the program does.
 *
 * @param clean synchronous; called at most once.
 * @returns what takes it back.
 */
export function beforeEnd(clean: () => void): () => void {
  if (waiting.size === 0) {
    process.on('exit', cleanAll);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  const entry = {clean};
  waiting.add(entry);
  return () => {
    waiting.delete(entry);
    if (waiting.size === 0) stopListening();
  };
}

const onSignal = Object.assign(
  (signal: NodeJS.Signals) => {
    if (process.listeners(signal).some(listener => !(OURS in listener))) return;
    cleanAll();
    // Other copies have listeners of their own: the last one ends the process.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  },
  {[OURS]: true},
);

function cleanAll(): void {
  stopListening();
  for (const {clean} of waiting) {
    try {
      clean();
    } catch {
      // What cannot be cleaned keeps nothing else from it.
    }
  }
  waiting.clear();
}

function stopListening(): void {
  process.off('exit', cleanAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}
