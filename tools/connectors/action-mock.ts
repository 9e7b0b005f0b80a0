import { z } from 'zod'
import type { ActionMockRow, MockAnswer as StoredAnswer } from '../../db/action-mocks.ts'
import { DEFAULT_SCENARIO } from '../../runtime/connections/mocking.ts'
import { Timestamp } from '../params.ts'

export const Scenario = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .describe('What the app is taken to do, in a few words: "rate limited", "no such customer".')

export const MockScenarios = z
  .record(z.string().max(400), z.string().min(1).max(200))
  .default({})
  .describe(
    `Which scenario answers, by action: {"shop.create_order": "out of stock"}; a part of its name will do. Left out: '${DEFAULT_SCENARIO}', or the only one.`,
  )

export const MockAnswer = z.object({
  when: z
    .record(z.string(), z.unknown())
    .nullable()
    .default(null)
    .describe('Only for calls whose input holds these values, e.g. {"page": 2}; null: for any.'),
  status: z
    .int()
    .min(200)
    .max(599)
    .default(200)
    .describe('Status of the answer; from 400 on the call fails.'),
  headers: z
    .record(z.string().max(200), z.string().max(4_000))
    .default({})
    .describe('E.g. {"retry-after": "30"}.'),
  output: z.unknown().default(null).describe('The body: any JSON; null: none.'),
})

export const ActionMock = z.object({
  connector: z.string().describe('Slug of the connector.'),
  action: z.string().describe('Slug of the action.'),
  scenario: z.string(),
  answers: z.array(MockAnswer).describe('The first whose `when` the input holds is given.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toActionMock = (
  connector: { slug: string },
  row: ActionMockRow,
): z.input<typeof ActionMock> => ({
  connector: connector.slug,
  action: row.action,
  scenario: row.scenario,
  answers: row.answers,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export const toStored = (answer: z.output<typeof MockAnswer>): StoredAnswer =>
  ({ ...answer, output: answer.output ?? null }) as StoredAnswer
