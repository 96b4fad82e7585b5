/** Makes the parts of the page that live as long as the page. */
import { followOffline } from './client/offline.ts';
import { Faults } from './faults.ts';
import type { Host } from './host.ts';
import { PageLog } from './page-log.ts';
import { Progress, warnOnLeaving } from './progress.ts';
import { Recording } from './recorder.ts';
import { Session } from './session.ts';
import { nameOfTab } from './tab.ts';
import { Uploader } from './uploader/uploader.ts';

export interface Parts {
  readonly session: Session;
  readonly uploader: Uploader;
  readonly faults: Faults;
  readonly log: PageLog;
  readonly recording: Recording;
  readonly progress: Progress;
}

export async function makeParts(host: Host): Promise<Parts> {
  const session = new Session(host, await nameOfTab());
  const uploader = new Uploader(session);
  const parts: Parts = {
    session,
    uploader,
    faults: new Faults(session),
    log: new PageLog(session),
    recording: new Recording(session),
    progress: new Progress(session, uploader),
  };
  followOffline();
  void parts.faults.begin();
  parts.log.begin();
  parts.progress.begin();
  warnOnLeaving(() => uploader.totals.value.inFlight > 0 || parts.recording.isOn);
  return parts;
}
