import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import type { Tx } from '../../db/database.ts'
import { requireCustomer } from '../customers/customer.ts'
import { CustomerRef, EnvironmentSlug, WorkflowRef } from '../params.ts'
import { requireWorkflow } from '../workflows/workflow.ts'

/** Filters several lists share. Each is optional: left out, it narrows nothing. */
export const ByWorkflow = WorkflowRef.nullable()
  .default(null)
  .describe('Only those of this workflow (slug or id).')
export const ByCustomer = CustomerRef.nullable()
  .default(null)
  .describe('Only those of this customer (slug or id).')
export const ByEnvironment = EnvironmentSlug.nullable()
  .default(null)
  .describe('Only those in this environment.')
export const ByTrigger = z
  .string()
  .min(1)
  .nullable()
  .default(null)
  .describe('Only those of this trigger (trg_…).')
export const Since = z.iso
  .datetime({ offset: true })
  .nullable()
  .default(null)
  .describe('Only those from this time on, ISO 8601, e.g. 2026-01-31T00:00:00Z.')

export const sinceDate = (since: string | null): Date | null => (since === null ? null : new Date(since))

/**
 * The ids behind the workflow and customer a list is narrowed to. An actor of one customer sees no other's rows
 * anyway: named as a filter, the database finds that customer's by an index.
 * @throws AppError `not_found`: an unknown name is an error, not an empty list
 */
export async function idsOf(
  tx: Tx,
  refs: { workflow?: string | null; customer: string | null },
  actor: Actor,
): Promise<{ workflowId: string | null; customerId: string | null }> {
  const { workflow = null, customer } = refs
  return {
    workflowId: workflow === null ? null : (await requireWorkflow(tx, workflow)).id,
    customerId: customer === null ? onlyCustomerOf(actor) : (await requireCustomer(tx, customer)).id,
  }
}

const onlyCustomerOf = ({ customerIds }: Actor): string | null =>
  customerIds?.length === 1 ? (customerIds[0] ?? null) : null
