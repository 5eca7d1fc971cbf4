#!/usr/bin/env node
/** `fsm`: the command line. Each command lies in a file of its own and loads what it needs when it is called. */
import { Command, CommanderError } from 'commander';
import { version } from '../api/package.ts';
import { applyCommand } from './commands/apply.ts';
import { checkCommand } from './commands/check.ts';
import { deleteCommand } from './commands/delete.ts';
import { getCommand } from './commands/get.ts';
import { proxyCommand } from './commands/proxy.ts';
import { receiptsCommand } from './commands/receipts.ts';
import { replayCommand } from './commands/replay.ts';
import { sandboxCommand } from './commands/sandbox.ts';
import { versionCommand } from './commands/version.ts';
import { whyCommand } from './commands/why.ts';
import { exitCodes, fail, guardProcess, tell } from './failure.ts';
import { expectFormat } from './output.ts';
import { guardOutput, write } from './stdout.ts';

const commands = [
  sandboxCommand,
  getCommand,
  applyCommand,
  deleteCommand,
  proxyCommand,
  whyCommand,
  checkCommand,
  receiptsCommand,
  replayCommand,
  versionCommand,
] as const;

function program(): Command {
  const fsm = new Command('fsm')
    .description('an edge service mesh that explains itself')
    .version(version)
    .hook('preAction', (_, action) => expectFormat(action.opts().output));
  for (const command of commands) fsm.addCommand(command());
  return fsm;
}

/** commander has printed what it found; help and version are no failures. */
function exitOf(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}

/** Every command fails and prints in the same way; commander gives a command nothing of the one above it. */
function alike(command: Command): Command {
  command.exitOverride().showHelpAfterError('(use --help to see what there is)').configureOutput({ writeOut: write });
  command.addHelpText('before', ({ error }) => (error ? 'error: which command is meant is missing' : ''));
  for (const child of command.commands) alike(child);
  return command;
}

guardProcess();
guardOutput(tell);
try {
  await alike(program()).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = exitOf(error);
  else fail(error);
}
