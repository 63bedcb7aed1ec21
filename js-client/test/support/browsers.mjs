/** Chromium and Firefox as the distribution packs them, found on the PATH. */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import puppeteer from 'puppeteer-core';

/** Where pictures of the pages are kept. */
export const SCREENSHOTS = new URL('../../target/screenshots/', import.meta.url).pathname;

const BROWSERS = {
  chromium: {
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    advice: 'install Chromium (Debian: apt install chromium)',
    options: {
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  firefox: {
    programs: ['firefox-esr', 'firefox'],
    advice: 'install Firefox (Debian: apt install firefox-esr)',
    options: {
      browser: 'firefox',
      args: ['--headless'],
      extraPrefsFirefox: {
        'app.update.enabled': false,
        'browser.safebrowsing.update.enabled': false,
        'datareporting.policy.dataSubmissionEnabled': false,
        'network.captive-portal-service.enabled': false,
        'network.connectivity-service.enabled': false,
      },
    },
  },
};

function found(program) {
  for (const directory of (process.env.PATH || '').split(delimiter)) {
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** Starts a browser with a profile of its own; `close()` removes both. */
export async function launch(name) {
  const { programs, advice, options } = BROWSERS[name];
  const executablePath = programs.map(found).find(Boolean);
  if (!executablePath) throw new Error(`None of ${programs.join(', ')} is on the PATH: ${advice}.`);
  const userDataDir = mkdtempSync(join(tmpdir(), `footbridge-${name}-`));
  const browser = await puppeteer.launch({ executablePath, userDataDir, headless: true, ...options });
  return {
    browser,
    async close() {
      await browser.close();
      rmSync(userDataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
