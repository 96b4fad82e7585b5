/** The page: the uploader, and beside it what only this library can show. */
import { Announcer } from './parts/announcer.tsx';
import { BreakIt } from './parts/break-it.tsx';
import { Card } from './parts/card.tsx';
import { Charts } from './parts/charts.tsx';
import { CodeCard } from './parts/code-card.tsx';
import { Counters } from './parts/counters.tsx';
import { DoctorCard } from './parts/doctor-card.tsx';
import { EventList } from './parts/event-list.tsx';
import { GhostNotice } from './parts/ghost-notice.tsx';
import { Header } from './parts/header.tsx';
import { LogCard } from './parts/log-card.tsx';
import { NoteCard } from './parts/note-card.tsx';
import { ObjectCard } from './parts/object-card.tsx';
import { Offers } from './parts/offers.tsx';
import { Problems } from './parts/problems.tsx';
import { RecordCard } from './parts/record-card.tsx';
import { SettingsForm } from './parts/settings-form.tsx';
import { TotalBar } from './parts/total-bar.tsx';
import type { Parts } from './parts-of-page.ts';
import { t } from './text/text.ts';
import { UploadPanel } from './uploader/dashboard.tsx';

export function App({ session, uploader, faults, log, recording, progress }: Parts) {
  const blobOf = (id: string) => {
    const data = uploader.uppy.getFile(id)?.data;
    return data instanceof Blob ? data : undefined;
  };
  return (
    <>
      <a class="skip" href="#uploader">
        {t('skip')}
      </a>
      <Header host={session.host} />
      <main>
        <div class="column" id="uploader" tabIndex={-1}>
          <Card title={t('uploader')} area="upload">
            <GhostNotice ghosts={uploader.ghosts} />
            <Offers choice={uploader.choice} />
            <Problems session={session} uploader={uploader} />
            <UploadPanel uploader={uploader} />
          </Card>
          <SettingsForm />
          <RecordCard recording={recording} />
          <NoteCard uppy={uploader.uppy} />
        </div>
        <div class="column object">
          <ObjectCard session={session} blobOf={blobOf} />
          <BreakIt session={session} faults={faults} />
        </div>
        <div class="column story">
          <EventList session={session} />
          <Charts figures={session.figures} />
        </div>
        <div class="column tools">
          <Counters session={session} faults={faults} />
          <CodeCard session={session} />
          <DoctorCard session={session} faults={faults} />
          <LogCard log={log} />
        </div>
      </main>
      <footer>{t('footer')}</footer>
      <TotalBar uploader={uploader} progress={progress} />
      <Announcer uploader={uploader} />
    </>
  );
}
