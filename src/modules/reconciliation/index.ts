export { describeDrift, type Drift } from './drift.js';
export { ReconcileJob } from './reconcile.job.js';
export type { CompleteRun, RunResult } from './reconciliation-runs.js';
export { ReconciliationModule } from './reconciliation.module.js';
export { ReconciliationService } from './reconciliation.service.js';
