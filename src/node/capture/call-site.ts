/** Frames of a stack to look through: the caller stands below those of tfjs. */
const FRAMES = 60;

/** Files of tfjs and of Node. */
const NOT_THE_CALLER = /node_modules|^node:/;

/** Where the program called what runs now, as "file:line:column": the first place that is not in tfjs; or nothing. */
export function callSite(): string {
  const before = {...Error} as Partial<Pick<typeof Error, 'prepareStackTrace'>> & {stackTraceLimit: number};
  const target: {stack?: unknown} = {};
  Error.stackTraceLimit = FRAMES;
  Error.prepareStackTrace = (_, frames) => {
    const files = frames.map(frame => frame.getFileName() ?? 'node:');
    // This function comes first, and all that captures steps is beside it.
    const folder = files[0]!.replace(/[^\\/]*$/, '');
    const caller = frames[files.findIndex(file => !file.startsWith(folder) && !NOT_THE_CALLER.test(file))];
    return caller ? `${caller.getFileName()!}:${caller.getLineNumber()!}:${caller.getColumnNumber()!}` : '';
  };
  try {
    Error.captureStackTrace(target);
    // Formatted when it is first read.
    return target.stack as string;
  } finally {
    Object.assign(Error, {prepareStackTrace: undefined}, before);
  }
}
