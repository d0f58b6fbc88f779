/** Frames of a stack to look through: the caller stands below those of tfjs. */
const FRAMES = 60;

/** Files of tfjs, of Node and of capturing itself. */
const NOT_THE_CALLER = /node_modules|^node:|[\\/]node[\\/]capture[\\/]/;

/** Where the program called what runs now, as "file:line:column": the first place that is not in tfjs; or nothing. */
export function callSite(): string {
  const before = {...Error} as Partial<Pick<typeof Error, 'prepareStackTrace'>> & {stackTraceLimit: number};
  const target: {stack?: unknown} = {};
  Error.stackTraceLimit = FRAMES;
  Error.prepareStackTrace = (_, frames) => {
    const caller = frames.find(frame => !NOT_THE_CALLER.test(frame.getFileName() ?? 'node:'));
    return caller ? `${caller.getFileName()!}:${caller.getLineNumber()!}:${caller.getColumnNumber()!}` : '';
  };
  try {
    Error.captureStackTrace(target, callSite);
    // Formatted when it is first read.
    return target.stack as string;
  } finally {
    Object.assign(Error, {prepareStackTrace: undefined}, before);
  }
}
