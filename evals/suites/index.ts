import type { Suite } from '../suite.ts'
import { buildConnector, buildConnectorFromDocs } from './build-connector/suite.ts'
import { buildWorkflow } from './build-workflow/suite.ts'
import { chooseTool } from './choose-tool/suite.ts'
import { fixAction } from './fix-action/suite.ts'
import { plan } from './plan/suite.ts'
import { resistInjection } from './resist-injection/suite.ts'

/** Its policies fit its own situations; nobody else looks into them. */
// biome-ignore lint/suspicious/noExplicitAny: suites of different situations in one list
export type AnySuite = Suite<any>

/** Every suite there is. */
export const suites: readonly AnySuite[] = [
  fixAction,
  chooseTool,
  buildConnector,
  buildConnectorFromDocs,
  plan,
  buildWorkflow,
  resistInjection,
]
