/** Bounded in length, so that a long text without an @ takes no time. */
const LOCAL_PART = String.raw`(?:"[^"\r\n]{1,64}"|([\p{L}\p{N}.!#$%*+^_~-])[\p{L}\p{N}.!#$%*+^_~-]{0,63})`;
const DOMAIN = String.raw`[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}`;

/** What a log must not hold, and what stands there instead. */
const SECRETS: ReadonlyArray<[what: RegExp, instead: string]> = [
  [/(hf_[0-9a-f]{16}_)[0-9a-f]+/g, '$1[secret]'],
  [/(\bwhsec_)[\w+/=-]+/g, '$1[secret]'],
  [/\beyJ[\w-]+\.[\w-]*\.?[\w-]*/g, '[token]'],
  [/(\bbearer +)(?!\[)[\x21-\x7e]+/gi, '$1[token]'],
  [/(\bpostgres(?:ql)?:\/\/[^\s:/@]*:)[^\s@]*@/gi, '$1[password]@'],
  // MikroORM adds to the message what PostgreSQL tells about the row: all that a customer or a seller wrote is in there. Up to
  // the last place where it could end, since what they wrote may look like an end.
  [/(\bFailing row contains )\([^]*\)\.(?=\n\s*at |\s*$)/g, '$1([row]).'],
  [/(\bKey \([\w, ]{1,200}\))=\([^]*\)(?= (?:already exists|is not present|is still referenced|conflicts))/g, '$1=([key])'],
  // The first letter and the domain are enough to recognise an address in a support case.
  [new RegExp(`${LOCAL_PART}(?:@|%40)(${DOMAIN})`, 'giu'), '$1…@$2'],
];

/**
 * The text without keys, tokens, passwords, whole e-mail addresses and the values of rows that the database refused. Whoever
 * adds a kind of secret adds it here.
 */
export function redact(text: string): string {
  return SECRETS.reduce((redacted, [what, instead]) => redacted.replace(what, instead), text);
}
