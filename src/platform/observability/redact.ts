/** What a log must not hold, and what stands there instead. */
const SECRETS: ReadonlyArray<[what: RegExp, instead: string]> = [
  [/(hf_[0-9a-f]{16}_)[0-9a-f]+/g, '$1[secret]'],
  [/\beyJ[\w-]+\.[\w-]*\.?[\w-]*/g, '[token]'],
  [/(\bbearer +)(?!\[)[\x21-\x7e]+/gi, '$1[token]'],
  [/(\bpostgres(?:ql)?:\/\/[^\s:/@]*:)[^\s@]*@/gi, '$1[password]@'],
  // The first letter and the domain are enough to recognise an address in a support case.
  [/([\p{L}\p{N}])[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]*@([\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+)/gu, '$1…@$2'],
];

/** The text without keys, tokens, passwords and whole e-mail addresses. */
export function redact(text: string): string {
  return SECRETS.reduce((redacted, [what, instead]) => redacted.replace(what, instead), text);
}
