/** Makes a `Problem` of whatever was thrown, so that nobody ever meets a stack trace. */
import { type Problem, ProblemError } from '../api/problem.ts';

/** The problem of an error; for those that nobody foresaw FSM6006. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (!(error instanceof Error)) return mistake(String(error));
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'ERR_SQLITE_ERROR') return journal(error.message);
  return code !== undefined && syscall !== undefined ? ofSystem(error) : mistake(error.message);
}

/** What the system says, in the words that people need. */
const reasons: Readonly<Record<string, { readonly why: string; readonly fix: string }>> = {
  EACCES: { why: 'you may not do that there', fix: 'name a place that is yours, or have the rights changed' },
  EPERM: { why: 'you may not do that there', fix: 'name a place that is yours, or have the rights changed' },
  EROFS: { why: 'it lies on a file system that is read only', fix: 'name another place' },
  ENOENT: { why: 'it is not there', fix: 'check the path' },
  ENOTDIR: { why: 'a part of its path is a file', fix: 'name a folder' },
  EEXIST: { why: 'something else is there already', fix: 'name another place, or move what is there' },
  EISDIR: { why: 'it is a folder', fix: 'name a file' },
  ELOOP: { why: 'its symbolic links lead in a circle', fix: 'name another place' },
  ENAMETOOLONG: { why: 'the path is too long', fix: 'name a shorter one' },
  ENOSPC: { why: 'the disk is full', fix: 'make room, or name a place on another disk' },
  EDQUOT: { why: 'your share of the disk is full', fix: 'make room, or name a place on another disk' },
  EMFILE: { why: 'too many files are open', fix: 'raise the limit with "ulimit -n"' },
  ENFILE: { why: 'too many files are open on this machine', fix: 'end what is not needed' },
  EADDRINUSE: { why: 'the port is in use', fix: 'choose other ports' },
};

const verbs: Readonly<Record<string, string>> = {
  open: 'opened',
  stat: 'found',
  scandir: 'read',
  read: 'read',
  write: 'written',
  mkdir: 'made',
  mkdtemp: 'made',
  unlink: 'removed',
  rmdir: 'removed',
  chmod: 'closed to others',
  kill: 'signalled',
  listen: 'listened at',
};

function ofSystem(error: Error): Problem {
  const { code = '', syscall = '', path, message } = error as NodeJS.ErrnoException;
  const subject = path ?? (syscall === 'write' ? 'the output' : 'what it needs');
  const reason = reasons[code] ?? { why: `the system says: ${message}`, fix: 'look at what the system says' };
  return { code: 'FSM6005', path: '', what: `${subject} cannot be ${verbs[syscall] ?? 'used'} (${code})`, ...reason };
}

function journal(message: string): Problem {
  const fix = 'name the file journal.db of a state directory that is whole, on a disk that is not full';
  return {
    code: 'FSM5001',
    path: '',
    what: 'the journal cannot be read or written',
    why: `SQLite says: ${message}`,
    fix,
  };
}

function mistake(message: string): Problem {
  const what = `something happened that nobody foresaw: ${message.split('\n')[0]}`;
  const fix = 'report it; FSM_TRACE=1 in the environment shows where it happened';
  return { code: 'FSM6006', path: '', what, why: 'this is a mistake of FSM, not yours', fix };
}
