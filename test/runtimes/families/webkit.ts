/** Runs the suite in WebKitGTK through its driver. */
import { Driver, type WebKitPlace } from '../../tools/webkit-driver.ts';
import type { RuntimeServer } from '../server.ts';
import { Absent, type Family, type Job, type Running, reportOf } from './family.ts';
import { PLAIN_HOST, pageUrlOf } from './page.ts';

export function webkitFamily(place: WebKitPlace | undefined): Family {
  return {
    name: 'webkit',
    required: false,
    runs: ['window', 'xhr', 'worker', 'service worker', 'plain http'].map((scope) => `webkit ${scope}`),
    start: async (server) => {
      if (!place) throw new Absent('not installed');
      return running(place, server);
    },
  };
}

/** Each run has a driver of its own. With one driver for five runs, the last run once got no answer from it. */
async function running(place: WebKitPlace, server: RuntimeServer): Promise<Running> {
  return {
    version: await withDriver(place, (driver) => driver.version(place.browser)),
    run: (job) =>
      withDriver(place, async (driver) => {
        const session = await driver.open(place.browser, proxyFor(server, job));
        try {
          await driver.post(`/session/${session.sessionId}/url`, { url: pageUrlOf(server, job) });
          return await reportOf(server, job, new Promise(() => {}));
        } finally {
          await driver.end(session.sessionId);
        }
      }),
  };
}

async function withDriver<T>(place: WebKitPlace, act: (driver: Driver) => Promise<T>): Promise<T> {
  const driver = await Driver.start(place);
  try {
    return await act(driver);
  } finally {
    driver.stop();
  }
}

/**
 * Returns the proxy settings of a job. This browser cannot resolve PLAIN_HOST to this machine. So our server is its
 * proxy, and the server accepts requests for every host name.
 */
function proxyFor({ pageUrl }: RuntimeServer, job: Job): object | undefined {
  const { host, hostname } = new URL(pageUrl);
  const isPlain = new URL(pageUrlOf({ pageUrl }, job)).hostname === PLAIN_HOST;
  return isPlain ? { proxyType: 'manual', httpProxy: host, noProxy: [hostname] } : undefined;
}
