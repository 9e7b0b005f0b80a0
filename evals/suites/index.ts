import { fixAction } from './fix-action/suite.ts'

/** Every suite there is. */
export const suites = [fixAction]
