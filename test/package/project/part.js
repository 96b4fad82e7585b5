// Uses one part, of which the bundle should hold nothing else.
import { crc64 } from 'oss-append';

console.log(String(crc64(new TextEncoder().encode('123456789'))));
