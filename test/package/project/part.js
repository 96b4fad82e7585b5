// Uses one part of the library. The bundle should contain only this part.
import { crc64 } from 'oss-append';

console.log(String(crc64(new TextEncoder().encode('123456789'))));
