/**
 * An empty page whose client talks to itself: ten numbered messages a second go up and come down. All is kept in the
 * page, so that one that was loaded anew would have nothing to say.
 */
import { PAGE } from './hostile.mjs';

export class Talker {
  /** What the page complained of. */
  complaints = [];

  constructor(page) {
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(String(error)));
  }

  /** Opens the page of the network in a window of its own, since what is in the background is slowed down. */
  static async arrive(browser, network) {
    const talker = new Talker(await browser.newPage({ type: 'window' }));
    await talker.page.goto(network.url + PAGE);
    return talker;
  }

  /** Connects and begins to talk in this channel, the first mark; answers how many ms ago. */
  begin(channel) {
    return this.page.evaluate(talk, channel);
  }

  /** Marks that the network changes now. */
  mark() {
    return this.page.evaluate(() => window.talk.mark());
  }

  /** Waits until a message came back that was sent after the last mark; false if that takes too long. */
  hears(ms) {
    return this.page.evaluate((time) => window.talk.hears(time), ms);
  }

  /** Ends the talk; as long as something is missing it is waited for. */
  end(ms) {
    return this.page.evaluate((time) => window.talk.end(time), ms);
  }

  close() {
    return this.page.close();
  }
}

/** Runs in the page. Times are in milliseconds since the client was made. */
function talk(name) {
  const began = performance.now();
  const time = () => Math.round(performance.now() - began);
  const client = window.Footbridge.connect();
  const channel = client.channel(name);
  const said = { sent: 0, settled: 0, refused: [], heard: [], times: [], marks: [], events: [] };
  let waiting = [];

  /** True as soon as the condition holds, false after this time. */
  const until = (condition, ms) =>
    new Promise((resolve) => {
      const wait = { condition, resolve };
      wait.timer = setTimeout(() => {
        waiting = waiting.filter((one) => one !== wait);
        resolve(false);
      }, ms);
      waiting.push(wait);
      check();
    });
  const check = () => {
    waiting = waiting.filter(({ condition, resolve, timer }) => {
      if (!condition()) return true;
      clearTimeout(timer);
      resolve(true);
      return false;
    });
  };

  for (const event of ['state', 'transport', 'reconnect', 'resume', 'reset', 'gap', 'error']) {
    client.on(event, (value) =>
      said.events.push({ time: time(), text: `${event} ${JSON.stringify(value)}` }),
    );
  }
  const publish = () => {
    const number = ++said.sent;
    channel.publish(number).then(
      () => {
        said.settled++;
        check();
      },
      (error) => {
        said.refused.push(`${number}: ${error.code}`);
        check();
      },
    );
  };
  channel
    .subscribe(({ data }) => {
      said.heard.push(data);
      said.times.push(time());
      check();
    })
    .catch((error) => said.refused.push(`subscription: ${error.code}`));
  publish();
  const timer = setInterval(publish, 100);

  const all = () => said.settled + said.refused.length >= said.sent && said.heard.length >= said.sent;
  window.talk = {
    mark: () => said.marks.push({ time: time(), sent: said.sent }),
    hears: (ms) => {
      const { sent } = said.marks[said.marks.length - 1];
      return until(() => said.heard[said.heard.length - 1] > sent, ms);
    },
    end: async (ms) => {
      clearInterval(timer);
      await until(all, ms);
      return { ...said, end: time(), transport: client.transport, state: client.state };
    },
  };
  said.marks.push({ time: 0, sent: 0 });
  return time();
}
