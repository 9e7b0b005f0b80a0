import { buildLogger } from '../../../core/log.ts'
import { serveMcpStdio } from './stdio.ts'
import { buildTestFactory } from './test-kit.ts'

/** The process the stdio tests start. The stray line must not reach the client as protocol. */
serveMcpStdio({ factory: buildTestFactory().factory, log: buildLogger('error') })
console.log('a careless dependency prints this')
