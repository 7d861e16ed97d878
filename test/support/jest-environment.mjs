import { TestEnvironment } from 'jest-environment-node';

/** Tells the tests of a file whether one of them failed, so that its database can be kept. */
export default class HoldfastTestEnvironment extends TestEnvironment {
  handleTestEvent(event) {
    if (event.name === 'test_fn_failure' || event.name === 'hook_failure') this.global.someTestFailed = true;
  }
}
