// Puts the library's objects into the state of Vue, MobX and Immer, uses them from there, and prints what each use gave.
import { createDraft, produce } from 'immer';
import { makeAutoObservable, observable } from 'mobx';
import { AppendableObject, AppendStream, append, OssClient } from 'oss-append';
import { LocalOss } from 'oss-append/testing';
import { reactive, readonly, ref, shallowRef } from 'vue';

/** What an application may put into its state. */
function parts() {
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } } });
  const credentials = oss.issueToken();
  const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch: oss.fetch });
  const object = new AppendableObject(client, 'a.log');
  const stream = new AppendStream(new AppendableObject(client, 'stream.log'));
  return { oss, client, object, stream, file: new Blob(['abc']) };
}

/** Uses each of them from the state. Returns what the objects hold, and where the first one ends. */
async function use({ oss, client, object, stream, file }) {
  await object.append('a');
  await object.resume(file);
  await append(client, 'a.log', 'd');
  const other = new AppendableObject(client, 'a.log');
  const { position } = await other.append('e');
  oss.appendObject('logs', 'a.log', new TextEncoder().encode('f'));
  await new Response('piped').body.pipeTo(stream);
  const text = (key) => new TextDecoder().decode(oss.object('logs', key).bytes());
  const { contentLength } = await client.headObject('a.log');
  if (position + 1 !== contentLength)
    throw new Error(`the object ends at ${contentLength}, and not behind ${position}`);
  return { object: text('a.log'), stream: text('stream.log'), position: contentLength };
}

const STATES = {
  'a Vue reactive object': (all) => reactive(all),
  'a Vue ref': (all) => ref(all).value,
  'a Vue readonly object': (all) => readonly(all),
  'a nested Vue reactive object': (all) => reactive({ upload: { deep: [all] } }).upload.deep[0],
  'a Vue shallowRef': (all) => shallowRef(all).value,
  'a MobX observable': (all) => observable(all),
  'a MobX store': (all) => makeAutoObservable({ ...all }),
  'a MobX observable array': (all) => observable([all])[0],
  'an Immer draft': (all) => createDraft({ all }).all,
  'the state that Immer made': (all) => produce({}, (draft) => void Object.assign(draft, { all })).all,
  'a frozen object': (all) => Object.freeze(all),
};

const results = {};
for (const [name, into] of Object.entries(STATES)) {
  try {
    results[name] = await use(into(parts()));
  } catch (error) {
    results[name] = String(error?.stack ?? error);
  }
}
console.log(JSON.stringify(results));
