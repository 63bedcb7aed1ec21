/**
 * In the tab that leads: lets the hub's clients of all tabs share one session, as if each had one of its own. Commands
 * get ids that tell whose they are; a channel that several tabs listen to is subscribed to once, and a tab that comes
 * later is given from the channel's history what it asks for.
 */
import { each, keep, merged, place } from '../core/lists.js';
import { failure } from '../core/problem.js';
import { own, Table } from '../core/table.js';
import type { Position } from '../core/wire.js';
import { opOf, parse } from '../core/wire.js';

/** A value of a command that a tab sends. */
interface Command {
  op: string;
  id: number;
  channel: string;
  procedure: string;
  invocation: string;
  since?: Position;
  last?: number;
  presence?: boolean;
  token?: string;
}

/** What is answered to a command. */
interface Answer {
  data?: any;
  error?: { code?: string; message?: string };
}

interface Shared {
  /** The tabs that have it. */
  tabs: string[];
  /** Where it stands, once the server has answered. */
  top?: Position;
  presence?: boolean;
  /** What waits for the server's answer, and for which tab. */
  waiting: Array<{ tab: string; go: () => void }>;
}

export interface Switchboard {
  /** A tab sends a message. */
  take(tab: string, text: string): void;
  /** A message of the session came. */
  message(value: any): void;
  /** A tab has gone. */
  gone(tab: string): void;
  /** The session is no more; every tab begins anew. */
  lost(): void;
}

/**
 * @param offer sends a message on the session; throws as the session does
 * @param tell hands a value to one tab, or to all without a name
 */
export function switchboard(
  offer: (text: string) => void,
  tell: (value: unknown, tab?: string) => void,
): Switchboard {
  let lastId = 0;
  let asked: { [id: string]: (answer: Answer) => void } = {};
  let channels = new Table<Shared>();
  let procedures = new Table<Shared>();
  /** The tabs that work on a call. */
  let invoked: { [invocation: string]: string } = {};

  const ask = (command: object, done: (answer: Answer) => void) => {
    const id = 't' + ++lastId;
    asked[id] = done;
    try {
      offer(JSON.stringify(merged(command, { id })));
    } catch (error) {
      delete asked[id];
      const { code, message } = failure((error as { code: string }).code, (error as Error).message);
      done({ error: { code, message } });
    }
  };
  const replier =
    (tab: string, id: number) =>
    ({ data, error }: Answer) =>
      tell({ op: 'reply', id, data, error }, tab);
  const nothing = () => undefined;

  /** Subscribes or registers for the first tab, and lets those that come meanwhile wait. */
  const begin = (
    all: Table<Shared>,
    name: string,
    tabs: string[],
    command: object,
    reply: (answer: Answer) => void,
  ) => {
    const { presence } = command as Command;
    const shared = all.set(name, { tabs, presence, waiting: [] });
    ask(command, (answer) => {
      const { waiting } = shared;
      shared.waiting = [];
      if (!answer.error) shared.top = answer.data || {};
      else if (all.get(name) === shared) all.drop(name);
      reply(answer);
      each(waiting, ({ go }) => go());
    });
  };

  const subscribe = (tab: string, command: Command): void => {
    const { channel, id, since, last, presence, token } = command;
    const shared = channels.get(channel);
    const reply = replier(tab, id);
    if (!shared) return begin(channels, channel, [tab], command, reply);
    if (!shared.top) return void shared.waiting.push({ tab, go: () => subscribe(tab, command) });
    if (presence && !shared.presence) {
      // Who is not present yet joins without missing anything.
      const others = keep(shared.tabs, (one) => one !== tab);
      const since = shared.top;
      const again = merged(command, { since, last: undefined });
      ask({ op: 'unsubscribe', channel }, nothing);
      begin(channels, channel, others.concat(tab), again, (answer) => {
        reply(answer);
        if (!answer.error || !others.length || channels.get(channel)) return;
        // It was refused; the others go on where they were, or are told that they cannot.
        begin(channels, channel, others, { op: 'subscribe', channel, since }, ({ error }) => {
          if (error) each(others, (one) => tell({ op: 'unsubscribed', channel, code: error.code }, one));
        });
      });
      return;
    }
    const join = (messages: Array<{ offset: number }>, recovered: boolean) => {
      const { epoch, offset } = shared.top!;
      shared.tabs = keep(shared.tabs, (one) => one !== tab).concat(tab);
      reply({ data: { epoch, offset, recovered } });
      // What is above the top comes to all.
      each(messages, (message) => message.offset <= offset && tell(message, tab));
    };
    const read = (from: Position | undefined, before: Array<{ offset: number }>): void =>
      ask(
        { op: 'history', channel, since: from, limit: from ? undefined : last, token },
        ({ data, error }) => {
          if (channels.get(channel) !== shared) return subscribe(tab, command); // it began anew meanwhile
          if (error) return error.code === 'gap' ? join([], false) : reply({ error });
          const messages = before.concat(data.messages);
          const reached = messages.length ? messages[messages.length - 1]!.offset : shared.top!.offset;
          if (from && data.messages.length && reached < shared.top!.offset) {
            read({ epoch: data.epoch, offset: reached }, messages);
          } else join(messages, true);
        },
      );
    if (since ? since.epoch === shared.top.epoch && since.offset >= shared.top.offset : !last) join([], true);
    else read(since, []);
  };

  const fail = (invocation: unknown, code: string) =>
    offer(JSON.stringify({ op: 'result', invocation, error: { code, message: code } }));

  /** Lets go of something for a tab; the server is told when nobody has it any more. */
  const release = (
    all: Table<Shared>,
    name: string,
    tab: string,
    command: object,
    done: (answer: Answer) => void,
  ) => {
    const shared = all.get(name);
    if (shared) shared.tabs = keep(shared.tabs, (one) => one !== tab);
    if (shared && shared.tabs.length) return done({ data: {} });
    all.drop(name);
    ask(command, done);
  };

  return {
    take(tab, text) {
      const command: Command = parse(text);
      const { op, id, channel, procedure } = command;
      const reply = replier(tab, id);
      if (op === 'subscribe') subscribe(tab, command);
      else if (op === 'unsubscribe') release(channels, channel, tab, command, reply);
      else if (op === 'unregister') release(procedures, procedure, tab, command, reply);
      else if (op === 'register') {
        const shared = procedures.get(procedure);
        if (!shared) begin(procedures, procedure, [tab], command, reply);
        else if (!shared.top) shared.waiting.push({ tab, go: () => this.take(tab, text) });
        else {
          shared.tabs.push(tab);
          reply({ data: {} });
        }
      } else if (op === 'result') {
        delete invoked[command.invocation];
        try {
          offer(text);
        } catch (error) {
          fail(command.invocation, (error as { code: string }).code);
        }
      } else ask(command, reply);
    },

    message(value) {
      const op = opOf(value);
      if (op === 'reply') {
        const done = own(asked, value.id);
        delete asked[value.id];
        if (done) done(value);
      } else if (op === 'invoke') {
        const shared = procedures.get(value.procedure);
        // In turns, as the server shares calls among those who registered.
        const tab = shared && shared.tabs.shift();
        if (!tab) return fail(value.invocation, 'no_callee');
        shared!.tabs.push(tab);
        invoked[value.invocation] = tab;
        tell(value, tab);
      } else {
        const shared = channels.get(value.channel);
        if (shared && shared.top && value.offset !== undefined) {
          shared.top = { epoch: value.epoch || shared.top.epoch, offset: value.offset };
        }
        if (op === 'unsubscribed') channels.drop(value.channel);
        tell(value);
      }
    },

    gone(tab) {
      const letGo = (all: Table<Shared>, command: (name: string) => object) =>
        all.each(({ tabs }, name) => {
          if (place(tabs, tab) >= 0) release(all, name, tab, command(name), nothing);
        });
      each([channels, procedures], (all) =>
        all.each((shared) => (shared.waiting = keep(shared.waiting, (one) => one.tab !== tab))),
      );
      letGo(channels, (channel) => ({ op: 'unsubscribe', channel }));
      letGo(procedures, (procedure) => ({ op: 'unregister', procedure }));
      for (const invocation in invoked) {
        if (invoked[invocation] !== tab) continue;
        delete invoked[invocation];
        fail(invocation, 'interrupted');
      }
    },

    lost() {
      asked = {};
      channels = new Table();
      procedures = new Table();
      invoked = {};
    },
  };
}
