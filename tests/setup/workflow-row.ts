import type { insertWorkflow } from '../../db/workflows.ts'

/** A workflow with nothing set, for tests that put rows into the database themselves. */
export const workflowRow = (
  id: string,
  organizationId: string,
  slug: string,
): Parameters<typeof insertWorkflow>[1] => ({
  id,
  organization_id: organizationId,
  slug,
  name: slug,
  description: '',
  tier: 'standard',
  timeout_ms: 1_000,
  retry: null,
  escalate_on_timeout: false,
  input_schema: null,
  concurrency: null,
  rate_limit: null,
  reach: null,
  draft_code: 'export default async () => 1',
})
