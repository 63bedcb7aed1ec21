/** An application in TypeScript: compiled by a test, never run. */
import { connect, version } from 'footbridge-client';
import type { Channel, Client, ConnectOptions, FootbridgeError, Message } from 'footbridge-client';

const options: ConnectOptions = { token: async () => 'guest:guest-17', tryMs: 1000, transport: 'sse' };
const client: Client = connect('https://example.org', options);
const channel: Channel = client.channel('news');

client
  .on('state', (state) => state === 'online')
  .on('gap', ({ channel, offset }) => `${channel} ${offset + 1}`)
  .on('error', (error: FootbridgeError) => error.code.length);
channel.on('presence', ({ joined, count }) => joined.length + count);

const handler = (message: Message<{ text: string }>): void => {
  client.send(message.data.text);
};

export async function run(): Promise<string> {
  const { epoch, offset } = await channel.subscribe(handler, { since: { epoch: 'e', offset: 1 } });
  await channel.publish({ text: 'Hi' }, { key: 'k' });
  await client.register('twice', (data: number, { user }) => ({ twice: data * 2, user }));
  const price = await client.call<{ price: number }>('price', { article: 1 }, { timeout: 5 });
  client.call('price', null, {}, (error, result) => error?.code ?? result);
  client.debug.force(null);
  // @ts-expect-error a client is made by connect
  new Client();
  // @ts-expect-error no such transport
  client.debug.force('pigeon');
  return `${epoch} ${offset} ${price.price} ${version} ${client.debug.stats.resumes}`;
}
