/** A board of devices, of which this browser may be one. */
import { byId, make, timeOfDay } from './dom.js';

const CHANNEL = 'demo:devices';
/** A slider moves faster than anybody needs to know. */
const REPORT_MS = 250;
const REPEAT_MS = 15000;
/** What lights a device's lamp on the board. */
const ACTIVE = new Set(['on', 'open']);

export function devices() {
  const board = byId('device-board');
  const lamp = byId('device-switch');
  const brightness = byId('device-value');
  let client;
  let myDevice;
  let used = false;
  let timer;

  function report() {
    timer = undefined;
    const data = {
      device: myDevice,
      kind: 'lamp',
      status: lamp.checked ? 'on' : 'off',
      value: Number(brightness.value),
    };
    // The next report says it again; a lost one needs no words.
    client.call('demo.devices.report', data, { timeout: 10 }).catch(() => undefined);
  }

  function changed() {
    used = true;
    byId('device-output').textContent = brightness.value;
    timer ??= setTimeout(report, REPORT_MS);
  }

  function show({ devices: all, online }) {
    byId('devices-online').textContent = online;
    board.replaceChildren(...all.map(tile));
  }

  /** One device of the board. */
  function tile({ device, kind, status, value, at }) {
    const level = make('i');
    level.style.width = `${Math.max(0, Math.min(100, Number(value) || 0))}%`;
    return make(
      'li',
      {
        className: 'device',
        title: `last heard of at ${timeOfDay(at)}`,
        data: { device, status, ...(ACTIVE.has(status) && { active: '' }) },
      },
      make('p', { className: 'device-name', text: device }),
      make(
        'p',
        {},
        make('span', { className: 'device-status', text: `${kind}, ${status}` }),
        make('span', { className: 'device-value', text: value ?? '' }),
      ),
      make('div', { className: 'device-level' }, level),
    );
  }

  lamp.addEventListener('change', changed);
  brightness.addEventListener('input', changed);
  setInterval(() => {
    if (used && client.state === 'online') report();
  }, REPEAT_MS);

  return {
    attach(newClient, name) {
      client = newClient;
      myDevice = `lamp of ${name}`;
      byId('device-name').textContent = myDevice;
      client
        .channel(CHANNEL)
        .subscribe(({ data }) => show(data), { last: 1 })
        .catch(() => undefined);
    },
  };
}
