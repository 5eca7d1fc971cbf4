/** JSON lines with level and time, on standard output; never a key, a token or an object's content. */
import { formatProblem, type Problem } from '../api/problem.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  info(msg: string, fields?: Fields): void;
  warn(msg: string, fields?: Fields): void;
  error(msg: string, fields?: Fields): void;
  problem(problem: Problem, fields?: Fields): void;
}

/** @param write takes one line without its end */
export function createLog(write: (line: string) => void = line => process.stdout.write(`${line}\n`)): Log {
  const at =
    (level: string) =>
    (msg: string, fields: Fields = {}) =>
      write(JSON.stringify({ time: new Date().toISOString(), level, msg, ...fields }));
  const warn = at('warn');
  return {
    info: at('info'),
    warn,
    error: at('error'),
    problem: (problem, fields) =>
      warn(formatProblem(problem), { code: problem.code, object: problem.object, ...fields }),
  };
}
