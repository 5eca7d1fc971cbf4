#!/usr/bin/env node
/** `fsm`, from a checkout (`npx fsm`) as from the package. */
import { run } from './run.js';

await run('src/cli/main');
