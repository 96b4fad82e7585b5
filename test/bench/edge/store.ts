/** The store of `npm run bench:edge`: a LocalOss in a process of its own, so that its work is not counted as the edge's. */
import { serve } from '../../../src/testing/node/http.ts';
import { makeCloud } from '../../edge/world.ts';

// The contents of the objects would fill the memory, so only their lengths and checksums are kept.
const { oss } = makeCloud({ contents: 'checksum' });
const { url } = await serve((request) => oss.fetch(request));
console.log(`Listening on ${url}`);
