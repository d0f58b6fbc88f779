#!/usr/bin/env node
import {setExitCode, watchOutput} from './output.js';
import {run} from './run.js';

watchOutput();
void run(process.argv.slice(2)).then(setExitCode);
