export { describeDrift, type Drift } from './drift.js';
export { ReconcileJob } from './reconcile.job.js';
export { ReconciliationModule } from './reconciliation.module.js';
export { ReconciliationService } from './reconciliation.service.js';
