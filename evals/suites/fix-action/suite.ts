import { Misuse } from '../../../demo/program.ts'
import { ToolFailure } from '../../doors.ts'
import { type ApiServer, startApiServer } from '../../environments/described-api/api.ts'
import { asLeftOut, specifications } from '../../environments/specifications.ts'
import { mutate } from '../../mutations/mutate.ts'
import { type Mutation, type MutationClass, mutationClasses } from '../../mutations/mutation.ts'
import { buildRandom } from '../../random.ts'
import type { OpenSuite, Suite, SuiteOptions, Task, Verdict } from '../../suite.ts'
import { breakAction, differing, restore } from './apply.ts'
import { checkAction, shortOf } from './check-action.ts'
import { agent, deterministic, type FixSituation } from './policies.ts'
import { exported, openWorld, type World } from './world.ts'

/** Candidates looked at for one task, before its class counts as used up. */
const MAX_CANDIDATES = 60
/** How often each action is tried: most can be broken in several ways. */
const ROUNDS = 4
const KNOWLEDGE = ['spec', 'import', 'evidence'] as const

/**
 * A correct action is made wrong in one of the ways APIs break, and is to be mended. Settings: `knowledge` (spec: the
 * API's description is given; import: what the last import made may be compared with; evidence: failed calls only)
 * `specs` and `classes` (names, separated by commas); and `slugs` (meaningless: the names of actions tell nothing).
 */
export const fixAction: Suite<FixSituation> = {
  name: 'fix-action',
  description: 'Mend an action that was made wrong in one of the ways APIs break.',
  policies: { deterministic, agent },
  baseline: 'deterministic',
  async open(options) {
    const { knowledge = 'spec', specs, slugs } = options.settings
    if (!KNOWLEDGE.some((one) => one === knowledge))
      throw new Misuse(`knowledge is one of ${KNOWLEDGE.join(', ')}, not '${knowledge}'.`)
    const classes = classesOf(options.settings.classes)
    const { found, absent } = specifications(specs?.split(','))
    if (absent.length > 0) options.note(`left out: ${absent.join(', ')}`)
    const server = await startApiServer()
    try {
      const worlds: World[] = []
      for (const described of found) {
        const world = await openWorld(options.doors, server, described, {
          meaninglessSlugs: slugs === 'meaningless',
        })
        options.note(
          `${world.name}: ${world.behaviours.size} of ${world.definition.actions.length} actions can be used`,
        )
        worlds.push(world)
      }
      return opened(options, server, worlds, absent, classes)
    } catch (error) {
      await server.close()
      throw error
    }
  },
}

function classesOf(named: string | undefined): readonly MutationClass[] {
  if (named === undefined) return mutationClasses
  const unknown = named.split(',').find((one) => !mutationClasses.some((known) => known === one))
  if (unknown !== undefined) throw new Misuse(`classes are ${mutationClasses.join(', ')}, not '${unknown}'.`)
  return mutationClasses.filter((known) => named.split(',').includes(known))
}

function opened(
  options: SuiteOptions,
  server: ApiServer,
  worlds: readonly World[],
  absent: readonly string[],
  classes: readonly MutationClass[],
): OpenSuite<FixSituation> {
  const harmless: Record<string, number> = {}
  return {
    async *tasks() {
      const open = new Set(classes)
      const seen = new Set<string>()
      for (let number = 0; number < options.count && open.size > 0; ) {
        for (const kind of [...open]) {
          if (number >= options.count) return
          const task = await nextTask({ options, worlds, kind, number, seen, harmless })
          if (task === undefined) open.delete(kind)
          else {
            number += 1
            yield task
          }
        }
      }
    },
    fixtures: async () =>
      Object.fromEntries(
        await Promise.all(
          worlds.map(async ({ name, spec }) => [
            name,
            { spec, definition: await exported(options.doors, name) },
          ]),
        ),
      ),
    leftOut: () => absent.map(asLeftOut),
    notes: () => ({
      apis: Object.fromEntries(
        worlds.map(({ name, behaviours, definition, leftOut }) => [
          name,
          { actions: definition.actions.length, usable: behaviours.size, leftOut },
        ]),
      ),
      harmlessMutations: harmless,
    }),
    close: () => server.close(),
  }
}

interface Search {
  options: SuiteOptions
  worlds: readonly World[]
  kind: MutationClass
  number: number
  /** Mutations that were looked at. */
  seen: Set<string>
  /** Mutations that broke nothing, by class. */
  harmless: Record<string, number>
}

/** A mutation that really breaks its action, applied; undefined when none is found any more. */
async function nextTask(search: Search): Promise<Task<FixSituation> | undefined> {
  const { options, worlds, kind, number, seen, harmless } = search
  const random = buildRandom(options.seed, `${kind} ${number}`)
  const actions = worlds.flatMap((world) => [...world.behaviours.keys()].map((slug) => ({ world, slug })))
  let candidates = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { world, slug } of random.shuffled(actions)) {
      const mutation = mutate(world.definition, slug, kind, random)
      const key = JSON.stringify([world.name, mutation])
      if (mutation === undefined || seen.has(key)) continue
      seen.add(key)
      candidates += 1
      const task = taskOf(options, world, mutation, number)
      if (await isBroken(options, world, mutation, task)) return task
      harmless[kind] = (harmless[kind] ?? 0) + 1
      await task.reset()
      if (candidates === MAX_CANDIDATES) return undefined
    }
  }
  return undefined
}

async function isBroken(
  { doors }: SuiteOptions,
  world: World,
  mutation: Mutation,
  task: Task<FixSituation>,
): Promise<boolean> {
  try {
    await breakAction(doors, world, mutation)
  } catch (error) {
    if (error instanceof ToolFailure && error.status === 400) return false // Patchbay does not take such an action
    throw error
  }
  return !(await task.check()).passed
}

function taskOf(options: SuiteOptions, world: World, mutation: Mutation, number: number): Task<FixSituation> {
  const { doors, settings } = options
  const { action, connector = {} } = mutation
  const broken = mutation.broken ?? world.definition.actions.find(({ slug }) => slug === action)
  const asBroken = {
    ...world.definition,
    ...connector,
    actions: world.definition.actions.map((one) => (one.slug === action && broken ? broken : one)),
  }
  return {
    id: `${number} ${mutation.class} ${world.name}.${action} ${mutation.variant}`,
    class: mutation.class,
    environment: world.name,
    situation: {
      connector: world.name,
      action,
      mayCompareWithImport: settings.knowledge === 'import',
      ...((settings.knowledge ?? 'spec') === 'spec' ? { spec: world.spec } : {}),
    },
    check: () => checkTask(options, world, action),
    regressions: async () =>
      differing(asBroken, await exported(doors, world.name), [
        `actions.${action}`,
        ...Object.keys(connector),
      ]),
    async solve() {
      await restore(doors, world)
      return {}
    },
    reset: () => restore(doors, world),
    restart: () => breakAction(doors, world, mutation),
  }
}

async function checkTask({ doors }: SuiteOptions, world: World, slug: string): Promise<Verdict> {
  const wanted = world.behaviours.get(slug)
  const definition = await exported(doors, world.name)
  const action = definition.actions.find((one) => one.slug === slug)
  if (action === undefined || wanted === undefined) return { passed: false, problems: ['the action is gone'] }
  const { problems, behaviour } = await checkAction(
    { doors, api: world.api, definition, action },
    wanted.collects === true,
  )
  const all = problems.length > 0 ? problems : shortOf(behaviour, wanted)
  return { passed: all.length === 0, problems: all }
}
