import { expect, it } from 'vitest';
import { serveReadOnly } from '../../src/admin/http.ts';

it('reads questions with headers as long as requests have them', async () => {
  const { port, close } = await serveReadOnly('127.0.0.1', 0, (_path, query) => ({
    status: 200,
    json: query.get('header')?.length,
  }));
  const header = `x-long: ${'ä'.repeat(32_000)}`;
  const answer = await fetch(`http://127.0.0.1:${port}/why?${new URLSearchParams({ header })}`);
  expect([answer.status, await answer.json()]).toEqual([200, header.length]);
  await close();
});
