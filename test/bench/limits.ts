/** The counting costs what it costs, but one machine with one key is not to be refused. */
export const LIMITS_THAT_NOBODY_REACHES = {
  RATE_LIMIT_ADDRESS_PER_MINUTE: '1000000000',
  RATE_LIMIT_API_KEY_PER_MINUTE: '1000000000',
};
