/**
 * The list of what tus 1.0 and draft 12 of the IETF demand of a server, and which of our tests holds each demand. It was made
 * from the texts of both standards, and compared with the tests of the servers tusd, tus-node-server and tus-ruby-server.
 * docs/edge.md says where the edge differs from a recommendation.
 *
 * @see https://tus.io/protocols/resumable-upload
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/12/
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** A demand of a standard, and the name of the test that holds it. */
type Row = readonly [demand: string, test: string];

const TUS: readonly Row[] = [
  ['Tus-Resumable is in every response', 'every response to %s contains it, also a refusal'],
  [
    'Another version: 412, Tus-Version, nothing is processed',
    '%s of another version is refused with 412 and Tus-Version, and does nothing',
  ],
  [
    'OPTIONS: Tus-Version, Tus-Extension, Tus-Max-Size, and the version of the client is ignored',
    'names the version, the extensions, the greatest length and the checksums, and needs no version',
  ],
  [
    'OPTIONS announces only extensions that are there',
    'announces termination only if the deployer allows it, and nothing without a secret',
  ],
  ['CORS: pages can send and read the headers', 'lets a page send and read all headers of the protocol'],
  ['X-HTTP-Method-Override replaces the method', 'is taken in place of the method'],
  ['An unknown method: 405', '%s is not a method of tus, and is refused with 405 and the methods that are'],
  [
    'HEAD: Upload-Offset always, Upload-Length, no-store',
    'always returns the offset and the length, and no cache keeps the answer',
  ],
  ['HEAD of an unknown upload: 404 without Upload-Offset', 'a URL %s is answered with 404 and without an offset'],
  ['HEAD: Upload-Metadata as the client sent it', 'HEAD returns Upload-Metadata exactly as the client sent it'],
  ['PATCH: 204 and the new Upload-Offset', 'stores the bytes at the offset, and answers 204 with the new offset'],
  ['PATCH of another media type: 415', 'of the type "%s" is refused with 415'],
  ['PATCH at another offset: 409, nothing changes; no number: 400', 'with %s changes nothing'],
  [
    'PATCH without Upload-Offset or without Tus-Resumable',
    'without Upload-Offset is refused with 400, and without Tus-Resumable with 415, because it is then not a request of tus',
  ],
  ['PATCH that is repeated', 'that repeats the last bytes is refused with 409, and they are stored once'],
  [
    'PATCH with more bytes than the upload has, also of unknown length: 413',
    'with more bytes than the upload has is refused with 413, and never completes the upload',
  ],
  [
    'PATCH of a complete upload',
    'of a complete upload with no bytes succeeds, and the application is not informed again',
  ],
  [
    'PATCH of an unknown upload: 404',
    'to an upload whose object was deleted, or created again by somebody else, is answered with 404',
  ],
  [
    'As much as possible of an interrupted body is stored',
    'whose body breaks off keeps what arrived, and the offset never falls',
  ],
  [
    'Two requests for one upload do no harm',
    'twice at the same time with different bytes: one wins, the other gets 409 with the true offset',
  ],
  ['creation: 201, Location, offset 0', 'is answered with 201 and a Location, which has the offset 0'],
  ['creation: Upload-Length is a number from 0', 'is refused with 400 if Upload-Length is %s'],
  [
    'creation: a file of 0 bytes is complete at once',
    'a file of 0 bytes is complete after its creation, and the application is informed',
  ],
  [
    'creation: above Tus-Max-Size is 413',
    'a file above Tus-Max-Size, or above what the application allows, is refused with 413 and creates nothing',
  ],
  [
    'creation: Upload-Metadata has unique keys that are ASCII, and values in Base64',
    '%s in Upload-Metadata is refused with 400 and the reason',
  ],
  [
    'creation: no header of a proxy gets into the Location',
    'no header of a proxy or a client changes the Location of an upload',
  ],
  ['creation-with-upload: Upload-Offset says what is stored', 'stores the body, and Upload-Offset says how much'],
  [
    'creation-with-upload: another media type, and a body that is too long',
    'a body of another type is refused with 415, and a body that is longer than the file with 413',
  ],
  [
    'creation-with-upload: an interrupted body',
    'a body that breaks off is kept, and the refusal contains the upload and its offset',
  ],
  [
    'creation-defer-length is announced only where it is there',
    'announces creation-defer-length only if the application keeps lengths',
  ],
  [
    'creation-defer-length without the extension: 400',
    'a deferred length is not announced, and Upload-Defer-Length: %s is refused with 400',
  ],
  ['creation-defer-length: other values than 1 are 400', 'Upload-Defer-Length: %s is refused with 400'],
  [
    'creation-defer-length: both headers are 400',
    'Upload-Defer-Length together with Upload-Length is refused with 400',
  ],
  [
    'creation-defer-length: HEAD has Upload-Defer-Length as long as the length is unknown',
    'HEAD has Upload-Defer-Length and no Upload-Length until the client has given the length',
  ],
  [
    'creation-defer-length: the length comes with the last bytes',
    'the length can come with the last bytes, and the application is then informed',
  ],
  [
    'creation-defer-length: the length comes after the last bytes',
    'the length can come after the last bytes without a body, and the application is informed once',
  ],
  ['creation-defer-length: the length never changes', 'a length that was given never changes'],
  [
    'creation-defer-length: a length that is too great or too small',
    'a length that %s is refused, and nothing is kept or stored',
  ],
  [
    'creation-defer-length: Tus-Max-Size holds',
    'an upload never exceeds the limit of the edge, or the bytes that the application allowed at the creation',
  ],
  [
    'expiration: Upload-Expires as a date of HTTP',
    'the creation and every PATCH of an unfinished upload say when it expires, as an HTTP date',
  ],
  ['expiration: an expired upload is 410', 'an expired upload is answered with 410'],
  ['checksum: SHA-1 at least', 'a body with the right checksum is stored'],
  [
    'checksum: another one is 460, an unknown algorithm 400, and the body is discarded',
    'a body with %s is discarded, and the offset stays',
  ],
  ['checksum at the creation', 'the body of a creation is checked too, and the refusal has the Location of the upload'],
  ['checksum of a body of 0 bytes', 'the checksum of a body of 0 bytes is checked too'],
  ['termination: 204, afterwards 404', 'deletes the object, and the URL is gone afterwards'],
  [
    'termination while a PATCH is in flight: the PATCH gets 404',
    'at the offset %i is answered with 404, leaves no object, and completes no upload',
  ],
  [
    'concatenation is not there: it is not announced, and refused',
    'concatenation is not announced, and Upload-Concat is refused with 400',
  ],
];

const IETF: readonly Row[] = [
  [
    '4.1.1 The offset is never less than before',
    'whose body breaks off keeps what arrived, and the upload is not complete',
  ],
  [
    '4.1.1 A server that lost a part of the state ends the upload',
    'an edge that keeps no lengths any more answers 404, because it has lost a part of the upload',
  ],
  ['4.1.2 Values that are not a Boolean are ignored', 'ignores an Upload-Complete of %s, which is not a Boolean'],
  ['4.1.2 Nothing is appended after the completion', 'to a complete upload is refused, and the upload stays as it is'],
  [
    '4.1.3 Values that are not a number of 0 or more are ignored',
    'ignores an Upload-Length of %s, which is not a number of 0 or more',
  ],
  ['4.1.3 Structured Fields may have parameters', 'takes parameters of its headers, as Structured Fields allow them'],
  ['4.1.3 Two lengths in one request must be equal', 'with %s is refused as inconsistent-upload-length'],
  [
    '4.1.3 The lengths of several requests must be equal',
    'a later length that contradicts the first one is refused as inconsistent-upload-length',
  ],
  [
    '4.1.4 OPTIONS has Upload-Limit, not less strict than later',
    'is in the answer to OPTIONS, and no less strict than that of an upload',
  ],
  ['4.1.4 A 413 has Upload-Limit', 'is in the refusal of a file that is too long (413), which creates nothing'],
  ['4.1.4 The end that max-age gives does not come nearer', 'expires at the time that max-age gives'],
  [
    '4.2 104 has Location and Upload-Limit, and the final Location is the same',
    'announces the upload with 104 and its Location before it reads the body, if the platform can do that',
  ],
  [
    'Draft version: no 104 if the interop version is missing or another one',
    'with %s is not announced with 104, but works',
  ],
  [
    'Draft version: a 104 names the interop version',
    'announces the upload with 104 and its Location before it reads the body, if the platform can do that',
  ],
  [
    '4.2 ?1 and a whole body: the answer of the resource',
    'with ?1 and the whole body is answered like a plain upload, with Upload-Complete',
  ],
  [
    '4.2 ?0: 201, Location, Upload-Limit, Upload-Complete: ?0',
    'with ?0 is answered with 201, Location, Upload-Limit and Upload-Complete: ?0',
  ],
  ['4.2 A creation without content', 'needs no body: with ?0 the bytes come later, and with ?1 the file has 0 bytes'],
  [
    '4.2 The length of the creation is recorded',
    'may give the same length twice, and with ?1 and an Upload-Length it needs no Content-Length',
  ],
  ['4.2 Content-Disposition names the file', 'takes the name %s from Content-Disposition'],
  [
    '4.2 An interrupted creation keeps what arrived and is not complete',
    'whose body breaks off keeps what arrived, is not complete, and the answer names the upload',
  ],
  [
    '4.2 A creation without a length',
    'of unknown length is refused with 411 if it has to be resumed, and is a plain upload if it is whole',
  ],
  [
    '4.2 A creation with a whole body of unknown length',
    'a creation with a whole body of unknown length can be resumed',
  ],
  [
    '4.3 HEAD and GET: Upload-Offset, -Complete, -Length, -Limit, no-store',
    'with %s returns offset, completeness, length and limits, and no cache keeps it',
  ],
  [
    '4.3 No Upload-Length if the client gave none',
    'an upload needs no length at its creation, and gets one when a request completes it',
  ],
  ['4.3 No redirect', 'never redirects'],
  [
    '4.3 A complete upload can be asked for',
    'stays valid after the completion, so that a client whose answer was lost can ask',
  ],
  ['4.4 Another media type is refused', 'with %s is refused'],
  [
    '4.4 Another offset: 409, ?0, the true offset, the problem type',
    'at another offset is refused with 409, and the answer has the true offset and the problem mismatching-upload-offset',
  ],
  [
    '4.4 ?0: 2xx and ?0; ?1: the answer of the resource and ?1',
    'continues at the offset: 204 and ?0 for a part, 200 and ?1 for the end',
  ],
  [
    '4.4 No content completes the upload, and the answer can be replayed',
    'with no content completes an upload that has all its bytes, and replays the answer',
  ],
  [
    '4.4 The offset never exceeds the length, also without Content-Length',
    'of unknown length with too many bytes never exceeds the length of the file',
  ],
  [
    '4.4 ?1 with too few bytes does not complete the upload',
    'of unknown length that ends too early is not complete, although it says ?1',
  ],
  [
    '4.4 The length of the last request is recorded',
    'the length of the last request is kept before its body, so a broken body leaves it known',
  ],
  [
    '4.1.2 A response with ?1 marks an upload as complete',
    'of the last bytes completes the upload even with Upload-Complete: ?0, and the answer says so',
  ],
  ['4.5 DELETE ends the upload', 'deletes the object, and the URL is gone afterwards'],
  [
    '4.6 A cancellation beside an append does no harm',
    'at the offset %i is answered with 404, leaves no object, and completes no upload',
  ],
  [
    '4.6 Requests at the same time lose no byte',
    'at the same time as another one: one wins, the other gets 409 with the true offset, and no byte is lost',
  ],
  [
    '10 Content-Digest: a damaged body is not appended',
    'a body with another digest is not appended, and an unknown algorithm is ignored',
  ],
  ['13 The URL cannot be guessed, and belongs to one user', 'cannot be guessed, belongs to one user, and ends'],
  ['13 The metadata of the client is checked', 'refuses a name that is not UTF-8, or that leads out of the prefix'],
  [
    '13 The permission is checked again before the end',
    'asks the application again, because its decision may have changed since the creation',
  ],
  ['13 A slow sender is ended', 'a sender of %s that is silent for 30 s gets 503 and the offset, and can continue'],
  [
    '13 The number of uploads of one user can be bounded',
    'an application can limit the unfinished uploads of a user, because it learns the name of each upload',
  ],
];

const files = ['tus', 'resumable-http', 'deferred-length', 'hardening', 'termination'].map((name) =>
  readFileSync(new URL(`${name}.test.ts`, import.meta.url), 'utf8'),
);

describe.each<[standard: string, rows: readonly Row[]]>([
  ['tus 1.0', TUS],
  ['draft 12 of the IETF', IETF],
])('%s', (_, rows) => {
  test.each(rows)('%s: a test holds it', (_, name) => {
    expect(files.some((text) => text.includes(`'${name}'`))).toBe(true);
  });
});
