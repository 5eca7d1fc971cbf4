/**
 * Standard output. What cannot be written becomes the exit code: 1 and a word on standard error, or, where whoever read
 * the output has gone (`| head`), quietly what a shell gives a program that SIGPIPE ended.
 */
import { fstatSync, writeFileSync } from 'node:fs';

/** 128 and the number of SIGPIPE. */
const readerGone = 141;

type Listener = (error: NodeJS.ErrnoException) => void;

let failure: NodeJS.ErrnoException | undefined;
const listeners = new Set<Listener>();

/** Writes a text as it is. It never throws: what becomes of a failure is said above. */
export function write(text: string): void {
  if (isStream()) return void process.stdout.write(text);
  // A stream writes to a file once and takes half of a text for all of it: the disk may be full behind that half.
  try {
    writeFileSync(1, text);
  } catch (error) {
    failed(error as NodeJS.ErrnoException);
  }
}

/** Writes a text and a newline. */
export function say(text: string): void {
  write(`${text}\n`);
}

function isStream(): boolean {
  if (process.stdout.isTTY) return true;
  const about = fstatSync(1);
  return about.isFIFO() || about.isSocket();
}

/** Calls back at the first failure. */
export function onOutputFailure(listener: Listener): void {
  listeners.add(listener);
}

/** Whether whoever read the output has gone. */
export function isReaderGone(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE';
}

/** Minds standard output until the process ends; `tell` is given what people should read. */
export function guardOutput(tell: (error: NodeJS.ErrnoException) => void): void {
  process.stdout.on('error', failed);
  // There is nobody left to be told.
  process.stderr.on('error', () => undefined);
  onOutputFailure(error => {
    if (!isReaderGone(error)) tell(error);
  });
  process.on('exit', () => {
    if (failure !== undefined) process.exitCode = isReaderGone(failure) ? readerGone : process.exitCode || 1;
  });
}

function failed(error: NodeJS.ErrnoException): void {
  if (failure !== undefined) return;
  failure = error;
  for (const listener of listeners) listener(error);
}
