// Uses the objects from the reactive state of Vue, whose types keep only the public members of a class.
import { AppendableObject, AppendStream, append, OssClient } from 'oss-append';
import { markRaw, reactive } from 'vue';

const credentials = { accessKeyId: 'a', accessKeySecret: 'b', securityToken: 'c' };
const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials });
const state = reactive({ client, object: new AppendableObject(client, 'a.log') });
const raw = reactive({ object: markRaw(state.object) });

export async function use(): Promise<number> {
  await append(state.client, 'b.log', 'x');
  await new AppendableObject(state.client, 'c.log').append('x');
  await new Response('x').body?.pipeTo(new AppendStream(state.object));
  await new Response('x').body?.pipeTo(new AppendStream(raw.object));
  const { position } = await state.object.append('x');
  return position;
}
