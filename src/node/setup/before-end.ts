const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Has `clean` called if this process is ended early: by a signal, which then still ends it unless the program itself
 * handles that signal, or by `process.exit`.
 *
 * @param clean synchronous; called at most once.
 * @returns what takes it back.
 */
export function beforeEnd(clean: () => void): () => void {
  const takeBack = () => {
    process.off('exit', clean);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    takeBack();
    clean();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  process.on('exit', clean);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return takeBack;
}
