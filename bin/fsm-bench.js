#!/usr/bin/env node
/** `fsm-bench`, from a checkout (`npx fsm-bench`) as from the package. */
import { run } from './run.js';

await run('bench/main');
