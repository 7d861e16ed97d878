const NAME = /^[a-z]+(-[a-z]+)*$/;
const LONGEST_NAME = 30;

/** Members of orders and bookings, routes of events and tables that are there already, by their singular. */
const TAKEN = new Set([
  ...['adjustment', 'api-key', 'availability', 'booking', 'cancel', 'customer', 'domain-event', 'event', 'hold', 'id', 'item'],
  ...['metadata', 'order', 'order-item', 'publish', 'sequence', 'status', 'subtotal', 'ticket', 'ticket-type', 'total'],
  ...['version', 'core', 'extension', 'index', 'module', 'platform', 'test', 'v', 'admin', 'metric'],
]);

const kebabTo = (join, transform) => (name) => name.split('-').map(transform).join(join);
const capital = (word) => word[0].toUpperCase() + word.slice(1);
const pascal = kebabTo('', capital);
const camel = kebabTo('', (word, index) => (index === 0 ? word : capital(word)));
const snake = kebabTo('_', (word) => word);
const spaced = kebabTo(' ', (word) => word);

/** Simple on purpose: a word that it gets wrong is corrected in the code that was written. */
function singularOf(name) {
  if (/[^aeiou]ies$/.test(name)) return name.replace(/ies$/, 'y');
  if (/(s|x|z|ch|sh)es$/.test(name)) return name.replace(/es$/, '');
  return /[^sui]s$/.test(name) ? name.slice(0, -1) : name;
}

function pluralOf(singular) {
  if (/[^aeiou]y$/.test(singular)) return singular.replace(/y$/, 'ies');
  return /(s|x|z|ch|sh)$/.test(singular) ? `${singular}es` : `${singular}s`;
}

/**
 * All forms of a module's name that the templates use.
 * @param contract the text of src/extension.ts, whose names are taken
 * @throws Error that says what is wrong with the name
 */
export function namesOf(name, contract) {
  if (!NAME.test(name) || name.length > LONGEST_NAME) {
    throw new Error(
      `"${name}" is no name of a module: lower-case words of letters with hyphens between them, ${LONGEST_NAME} characters at most, ` +
        'as in: npm run new:module -- gift-cards',
    );
  }
  const singular = singularOf(name);
  const plural = pluralOf(singular);
  const Thing = pascal(singular);
  if (TAKEN.has(singular) || TAKEN.has(name)) throw new Error(`"${name}" cannot be the name of a module: Holdfast has its own`);
  if (Thing in globalThis || new RegExp(`\\b${Thing}\\b`).test(contract)) {
    throw new Error(`"${name}" cannot be the name of a module: its entity would be ${Thing}, and there is such a name already`);
  }
  return {
    name,
    singular,
    plural,
    Name: pascal(name),
    Thing,
    Things: pascal(plural),
    thing: camel(singular),
    things: camel(plural),
    table: snake(plural),
    CODE: snake(singular).toUpperCase(),
    SCOPE: `${snake(name).toUpperCase()}_WRITE`,
    words: spaced(singular),
    pluralWords: spaced(plural),
    PluralWords: capital(spaced(plural)),
    a: /^[aeiou]/.test(singular) ? 'an' : 'a',
  };
}
