#!/usr/bin/env node
import {run} from './run.js';

// Setting the code lets what is still being printed get out.
void run(process.argv.slice(2)).then(code => {
  process.exitCode = code;
});
