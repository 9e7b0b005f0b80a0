import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim()
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
const bullets = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n')

/** The plan as a person reads it, in Markdown. */
export function planDocument(plan: IntegrationPlan): string {
  const { trigger } = plan
  const when =
    trigger.type === 'schedule' ? `schedule \`${trigger.cron}\` (${trigger.timeZone})` : trigger.type
  const parts: [string, string][] = [
    ['Trigger', `${when}. ${trigger.reason}`],
    [
      'Tenancy',
      plan.tenancy === 'organization' ? 'One account for all.' : 'For each customer, with its own accounts.',
    ],
    [
      'Input',
      plan.input.length === 0
        ? 'None.'
        : table(
            ['field', 'type', 'required', 'what it is', 'example'],
            plan.input.map((field) => [
              field.path,
              field.type,
              field.required ? 'yes' : 'no',
              field.description,
              field.example,
            ]),
          ),
    ],
    [
      'Actions',
      table(
        ['step', 'action', 'what for', 'on failure'],
        plan.actions.map((one) => [one.step, `${one.connector}.${one.action}`, one.purpose, one.onFailure]),
      ),
    ],
    [
      'Field mappings',
      plan.mappings.length === 0
        ? 'None.'
        : table(
            ['from', 'to', 'change', 'why'],
            plan.mappings.map((one) => [
              one.source ?? `"${one.fixed}"`,
              `${one.step}.${one.target}`,
              one.transform ?? '',
              one.reason,
            ]),
          ),
    ],
    ['Rules', plan.rules.length === 0 ? 'None.' : bullets(plan.rules)],
    ['Duplicates', plan.duplicates],
    ['Failures', plan.failures],
    ['Acceptance', bullets(plan.acceptance)],
  ]
  return [`# ${plan.title}`, plan.summary, ...parts.map(([title, text]) => `## ${title}\n\n${text}`)].join(
    '\n\n',
  )
}
