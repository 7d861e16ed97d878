import { Injectable } from '@nestjs/common';
import { type DomainEvent, OnDomainEvent, OrderConfirmed } from '../../../src/extension.js';

/** Never ends with an order of which it hears. */
@Injectable()
export class EndlessSubscriber {
  readonly heard: Array<string | null> = [];

  @OnDomainEvent([OrderConfirmed], { name: 'endless' })
  hear({ orderId }: DomainEvent): Promise<void> {
    this.heard.push(orderId);
    return new Promise(() => {});
  }
}
