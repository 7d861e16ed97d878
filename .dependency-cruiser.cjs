/** The sentences of docs/layout.md that can be checked. */
const module_ = (name) => `^src/modules/${name}/`;

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'], pathNot: '\\.entity\\.ts$' } },
    },
    {
      name: 'platform-knows-no-module',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/(modules|scripts|app|main|entities)' },
    },
    {
      name: 'modules-only-through-their-index',
      comment: 'What a module exports from index.ts is its public API.',
      severity: 'error',
      from: { path: '^(src/modules/([^/]+)/|src/[^/]+\\.ts|src/scripts/|mikro-orm)' },
      to: { path: '^src/modules/([^/]+)/', pathNot: ['^src/modules/[^/]+/index\\.ts$', '^src/modules/$2/'] },
    },
    {
      name: 'events-know-no-other-module',
      severity: 'error',
      from: { path: module_('events') },
      to: { path: '^src/modules/', pathNot: module_('events') },
    },
    {
      name: 'orders-know-events-only',
      severity: 'error',
      from: { path: module_('orders') },
      to: { path: '^src/modules/', pathNot: '^src/modules/(orders|events)/' },
    },
    {
      name: 'only-booking-writes-the-inventory',
      severity: 'error',
      from: { pathNot: module_('booking') },
      to: { path: 'turn-writer' },
    },
    {
      name: 'customers-know-orders-only',
      comment: 'Other modules erase what they hold themselves: see PersonalDataHolders.',
      severity: 'error',
      from: { path: module_('customers') },
      to: { path: '^src/modules/', pathNot: '^src/modules/(customers|orders)/' },
    },
    {
      name: 'modules-on-top-use-the-extension-contract',
      comment:
        'What is not the core (events, orders, booking, customers, reconciliation) imports src/extension.ts and its own folder, and nothing else of src.',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/', pathNot: '^src/modules/(events|orders|booking|customers|reconciliation)/' },
      to: { path: '^src/', pathNot: ['^src/extension\\.ts$', '^src/modules/$1/'] },
    },
    {
      name: 'the-core-knows-no-module-on-top',
      severity: 'error',
      from: { path: '^src/(extension|platform/|modules/(events|orders|booking)/)' },
      to: { path: '^src/modules/', pathNot: '^src/modules/(events|orders|booking)/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['^src/main\\.ts$', '^src/scripts/', '^migrations/'] },
      to: {},
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/(platform/database/embedded-postgres|scripts/new-module/)' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js'],
    },
  },
};
