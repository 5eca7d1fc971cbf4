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
import { exitCodes, fail } from './failure.ts';

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
    .showHelpAfterError('(use --help to see what there is)');
  for (const command of commands) fsm.addCommand(command());
  return fsm;
}

/** commander has printed what it found; help and version are no failures. */
function exitOf(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}

function exitOverride(command: Command): Command {
  command.exitOverride();
  for (const child of command.commands) exitOverride(child);
  return command;
}

try {
  await exitOverride(program()).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = exitOf(error);
  else fail(error);
}
