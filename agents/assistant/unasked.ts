import type { JsonObject } from '../../core/json.ts'
import type { Acting } from '../acting.ts'
import type { Proposal } from './agent.ts'

/**
 * What Auto mode makes without a person: drafts and versions that run nowhere, plans, connectors out of a description at
 * an address that the person said, and agents in Manual mode, which ask by themselves. What is fetched is fetched where the
 * person said: an address also carries things out. A person is asked all the same where one of the
 * fields named is given: it decides where requests go, what is replaced, or what is written
 * to an account. Everything else (making actions, which is saying what passes for a read; deploying, running, changing what
 * runs already, calling an app to change something) waits for a person: the model reads what others wrote, and may have been
 * talked into it.
 */
const UNASKED: Record<string, readonly string[]> = {
  // A description of the model's own making would have run_action read anywhere.
  import_spec: ['onConflict', 'spec', 'files', 'baseUrl'],
  create_workflow: [],
  update_workflow: ['status', 'reach'],
  publish_workflow: [],
  plan_integration: ['approval'],
  generate_workflow: ['approval'],
  write_test_cases: ['approval', 'heal', 'mayWrite'],
  build_connector: ['approval', 'replace', 'allowWrites', 'allowLive'],
  fix_action: ['approval', 'allowWrites', 'allowLive'],
  build_workflow: ['approval', 'workflow', 'mayWrite'],
}

/** May Auto mode make the change by itself? @param said the person's own words */
export async function mayGoUnasked(
  acting: Acting,
  { tool, input }: Proposal,
  said: string,
): Promise<boolean> {
  if (tool === 'run_action') return reads(acting, input)
  if (!addressesIn(input).every((address) => isNamed(address, said))) return false
  const asking = Object.hasOwn(UNASKED, tool) ? UNASKED[tool] : undefined
  return asking?.every((field) => !Object.hasOwn(input, field)) ?? false
}

/** Inputs that are fetched. */
const FETCHED = ['url', 'discover', 'docs']

const addressesIn = (input: JsonObject): string[] =>
  FETCHED.flatMap((field) => input[field] ?? []).map(String)

/** Has the person named the host themselves? */
function isNamed(address: string, said: string): boolean {
  const url = URL.parse(address) ?? URL.parse(`https://${address}`)
  if (url === null || url.host === '') return false
  // Not as a part of another name: a.example in data.example, or in a.example.com.
  const host = url.host.replace(/[.[\]]/g, '\\$&')
  return new RegExp(`(^|[^\\w.@-])${host}(?![\\w-]|\\.\\w|:\\d)`, 'i').test(said)
}

/** Is the action one that changes nothing? What cannot be looked up is not known to. */
async function reads(acting: Acting, { connector, action }: JsonObject): Promise<boolean> {
  if (typeof connector !== 'string' || typeof action !== 'string') return false
  const found = await acting.call('get_action', { connector, action }).catch(() => undefined)
  return (found?.action as JsonObject | undefined)?.effect === 'read'
}
