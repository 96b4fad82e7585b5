// Imports every entry and uses none of them.
import * as all from 'oss-append';
import * as edge from 'oss-append/edge';
import * as log from 'oss-append/log';
import * as sts from 'oss-append/sts';
import * as testing from 'oss-append/testing';
import * as xhr from 'oss-append/xhr';

console.log('nothing', 0 && [all, edge, log, sts, testing, xhr]);
