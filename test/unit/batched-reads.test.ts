import { BatchedReads } from '../../src/platform/database/batched-reads.js';

/** A store whose reads end when the test says so. */
function store(values: Record<string, number>) {
  const reads: Array<{ keys: readonly string[]; end(): void; fail(error: Error): void }> = [];
  const batched = new BatchedReads<string, number>(
    (keys) =>
      new Promise((resolve, reject) => {
        const end = () => resolve(new Map(keys.flatMap((key) => (key in values ? [[key, values[key]!]] : []))));
        reads.push({ keys, end, fail: reject });
      }),
    3,
  );
  return { reads, batched };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('batched reads', () => {
  it('reads at once when nothing runs, and nothing for what is not there', async () => {
    const { reads, batched } = store({ a: 1 });
    const answers = Promise.all([batched.get('a'), batched.get('x')]);
    expect(reads.map(({ keys }) => keys)).toEqual([['a'], ['x']]);
    reads.forEach(({ end }) => end());
    expect(await answers).toEqual([1, undefined]);
  });

  it('lets what comes meanwhile share the next read, each key once, as many as may', async () => {
    const { reads, batched } = store({ a: 1, b: 2, c: 3 });
    const answers = Promise.all(['a', 'a', 'b', 'b', 'c', 'a'].map((key) => batched.get(key)));
    expect(reads).toHaveLength(2);
    reads.forEach(({ end }) => end());
    await settled();
    expect(reads.slice(2).map(({ keys }) => keys)).toEqual([['b', 'c'], ['a']]);
    reads.forEach(({ end }) => end());
    expect(await answers).toEqual([1, 1, 2, 2, 3, 1]);
  });

  it('never answers from a read that began before the look-up came', async () => {
    const values: Record<string, number> = { a: 1 };
    const { reads, batched } = store(values);
    const early = [batched.get('a'), batched.get('a')];
    const late = batched.get('a');
    reads.forEach(({ end }) => end());
    expect(await Promise.all(early)).toEqual([1, 1]);
    values['a'] = 2;
    await settled();
    reads[2]!.end();
    expect(await late).toBe(2);
  });

  it('fails only the look-ups of the read that failed, and goes on', async () => {
    const { reads, batched } = store({ a: 1 });
    const failing = batched.get('a');
    reads[0]!.fail(new Error('away'));
    await expect(failing).rejects.toThrow('away');
    const next = batched.get('a');
    reads[1]!.end();
    expect(await next).toBe(1);
  });
});
