import type { ScriptInput } from '../../models/script.ts'
import { guessing, type Meant, requestOf } from './wish.ts'

/**
 * A model that plans these wishes well, as a script: it asks what is not said, and writes the plan of the answers. Played
 * to Patchbay's own Planner it shows that the way from the wish to the plan works; it is no measure of any model.
 */
export function playedPlanner(meant: readonly Meant[]): ScriptInput {
  // A request that says more begins alike.
  const byLength = meant.toSorted((a, b) => requestOf(b).length - requestOf(a).length)
  return { turns: byLength.flatMap((one) => [understandTurn(one), planTurn(one)]) }
}

function understandTurn({ wish, ...meant }: Meant): ScriptInput['turns'][number] {
  const { actions } = wish.plan(meant.chosen)
  return {
    when: { contains: ['You plan integrations between apps', requestOf({ wish, ...meant })] },
    times: 0,
    json: {
      needs: actions.map(({ connector, action, purpose }) => ({
        ...{ app: connector, connector, find: `${action.replaceAll('_', ' ')}. ${purpose}` },
      })),
      questions: wish.choices
        .filter(({ name }) => meant.hidden.includes(name))
        .map(({ question: { question, why = '', options = [] }, values }) => ({
          ...{ question, why, options, assumed: Object.values(values)[0] ?? '' },
        })),
    },
  }
}

/** It fits only when the person's answers have come through. */
function planTurn(meant: Meant): ScriptInput['turns'][number] {
  const { wish, chosen, hidden } = meant
  const told = wish.choices
    .filter(({ name }) => hidden.includes(name))
    .map(({ name, values }) => values[chosen[name] ?? ''] ?? '')
  return {
    when: { contains: ['You write an integration plan', requestOf(meant), ...told] },
    times: 0,
    json: wish.plan(guessing(meant, hidden)),
  }
}
