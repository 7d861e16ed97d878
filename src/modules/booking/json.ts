const known = new WeakMap<object, string>();

/** JSON of an answer that is stored twice, as a remembered answer and as a fact: made once. It must not change any more. */
export function jsonOf(body: object): string {
  const json = known.get(body) ?? JSON.stringify(body);
  known.set(body, json);
  return json;
}
