import { guarded } from '../core/guarded.js';
import { each, keep } from '../core/lists.js';

/** Named events, typed by a map of their names to what their handlers take. */
export class Emitter<Events> {
  private handlers: { [name in keyof Events]?: Array<(event: any) => void> } = {};

  /** Calls the handler at each event of this name, until `off`. */
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): void {
    (this.handlers[name] = this.handlers[name] || [])!.push(handler);
  }

  /** Removes a handler; without one, all of this name. */
  off<Name extends keyof Events>(name: Name, handler?: (event: Events[Name]) => void): void {
    this.handlers[name] = keep(this.handlers[name] || [], (known) => handler && known !== handler);
  }

  /** Calls the handlers of this name. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    each(this.handlers[name] || [], (handler) => guarded(() => handler(event)));
  }
}
