/** Says on standard error what is being waited for, once that takes more than a second. */
const patienceMs = 1000;

/** Resolves or rejects as `work` does. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  const startedAtMs = Date.now();
  let shown = false;
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - startedAtMs) / 1000);
    if (process.stderr.isTTY) process.stderr.write(`\r${what} … ${seconds} s`);
    else if (!shown) process.stderr.write(`${what} …\n`);
    shown = true;
  }, patienceMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (shown && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
}
