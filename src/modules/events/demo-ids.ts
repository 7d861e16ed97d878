/** Fixed ids of the demo event, so that the examples of the OpenAPI document work as they are. */
export const DEMO = {
  eventId: '019a0000-0000-7000-8000-000000000001',
  standardId: '019a0000-0000-7000-8000-000000000011',
  balconyId: '019a0000-0000-7000-8000-000000000012',
  vipId: '019a0000-0000-7000-8000-000000000013',
} as const;
