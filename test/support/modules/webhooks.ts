import type { ModuleContract } from '../module-contract.js';
import { provokeWebhookAnswers, webhookTried } from '../webhooks.js';

export const contract: ModuleContract = {
  bodies: {
    createWebhookEndpoint: { url: 'https://hooks.invalid/', enabled: false },
    updateWebhookEndpoint: {},
  },

  rows: (api, _eventId, database) => webhookTried(database, api),

  provoke: (api, database) => provokeWebhookAnswers(database, api),
};
