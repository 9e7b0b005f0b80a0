import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import { runsAtOnce } from './runs-at-once.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim()
const MAX_PADDED = 40
/** In columns, as it is also read where Markdown is not drawn. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const texts = [head, ...rows.map((row) => row.map(cell))]
  const widths = head.map((_, at) =>
    Math.min(MAX_PADDED, Math.max(3, ...texts.map((row) => row[at]?.length ?? 0))),
  )
  const [first = [], ...more] = texts
  return [first, widths.map((width) => '-'.repeat(width)), ...more]
    .map((row) => `| ${row.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')} |`)
    .join('\n')
}
const bullets = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n')

function inTurn(plan: IntegrationPlan): string {
  const bound = runsAtOnce(plan)
  if (bound === null) return ''
  return bound.key === null
    ? 'Its runs go one after the other.'
    : `Runs with the same \`${plan.duplicateKey}\` go one after the other.`
}

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
    ['Duplicates', `${plan.duplicates} ${inTurn(plan)}`.trim()],
    ['Failures', plan.failures],
    ['Acceptance', bullets(plan.acceptance)],
  ]
  return [`# ${plan.title}`, plan.summary, ...parts.map(([title, text]) => `## ${title}\n\n${text}`)].join(
    '\n\n',
  )
}
