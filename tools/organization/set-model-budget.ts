import { z } from 'zod'
import { monthlyModelUse, setModelBudget as store } from '../../db/model-usage.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ModelBudget, toModelBudget } from './model-budget.ts'

export const setModelBudget = defineTool({
  name: 'set_model_budget',
  title: 'Set the model budget',
  description:
    'Bounds what all agents of the organization may use of models in a calendar month (UTC), in tokens, in money, or both. What is used up ends runs with limit_exceeded, until the next month or a larger budget. What is left out stays; null takes a bound away. Returns the budget with what is used of it.',
  input: z.object({
    tokensPerMonth: z
      .int()
      .min(0)
      .nullable()
      .optional()
      .describe('Tokens sent and received; null: no bound.'),
    usdPerMonth: z
      .number()
      .min(0)
      .nullable()
      .optional()
      .describe('USD, by the prices the operator has configured; null: no bound.'),
  }),
  output: z.object({ modelBudget: ModelBudget }),
  permission: 'billing.manage',
  effect: 'write',
  idempotent: true,
  http: 'PUT /model-budget',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'The model budget')
    const id = context.actor.organizationId
    context.touches(id)
    const use = await context.transaction(async (tx) => {
      await store(tx, id, input)
      return monthlyModelUse(tx, id)
    })
    return { modelBudget: toModelBudget(use) }
  },
})
