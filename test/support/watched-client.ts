import { ApiClient, type Reply } from './client.js';

/** Shows each answer to `look` as it passes; a load keeps of them only what its checker needs. */
export class WatchedClient extends ApiClient {
  constructor(
    { url, token }: ApiClient,
    private readonly look: (reply: Reply) => void,
  ) {
    super(url, token);
  }

  override async send<T = any>(...request: Parameters<ApiClient['send']>): Promise<Reply<T>> {
    const reply = await super.send<T>(...request);
    this.look(reply);
    return reply;
  }
}
