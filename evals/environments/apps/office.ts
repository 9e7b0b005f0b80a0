import type { Doors } from '../../doors.ts'
import { type Account, type App, startApps } from './app-server.ts'
import { officeApps } from './definitions.ts'

/** Customers of the organization, each with accounts of its own. */
export const CUSTOMERS = ['acme', 'globex'] as const
/** Whose account: a customer's, or the organization's own. */
export type Owner = (typeof CUSTOMERS)[number] | 'own'
const OWNERS: readonly Owner[] = ['own', ...CUSTOMERS]

/** The office's apps, with their connectors, and accounts of the organization and its customers. */
export interface Office {
  app(name: string): App
  account(app: string, owner?: Owner): Account
  /** Every account of every app, as it is now, by app, owner and kind; what is empty is left out. */
  state(): Record<string, unknown>
  reset(): void
  close(): Promise<void>
}

const tokenOf = (app: string, owner: Owner): string => `${owner}-token-of-${app}`

/** By app, as its import made it: the same each time but for the address, and an import takes a second. */
const imported = new Map<string, string>()

async function makeConnector(doors: Doors, { name, url }: App, about: string): Promise<void> {
  const known = imported.get(name)
  if (known !== undefined)
    return void (await doors.call('import_connector', {
      definition: JSON.parse(known.replaceAll(`${ANYWHERE}/${name}`, url)),
    }))
  await doors.call('import_spec', { url: `${url}/openapi.json`, slug: name, name })
  await doors.call('update_connector', { connector: name, description: about })
  const { definition } = await doors.call('export_connector', { connector: name })
  imported.set(name, JSON.stringify(definition).replaceAll(url, `${ANYWHERE}/${name}`))
}

const ANYWHERE = 'http://apps.invalid'

/** Starts the apps, imports each by its own description, and connects the accounts. */
export async function openOffice(doors: Doors): Promise<Office> {
  const { apps, close } = await startApps(officeApps)
  const app = (name: string): App => {
    const found = apps[name]
    if (found === undefined) throw new Error(`There is no app ${name}.`)
    return found
  }
  const account = (name: string, owner: Owner = 'own') => app(name).account(tokenOf(name, owner))
  try {
    for (const slug of CUSTOMERS) await doors.call('create_customer', { name: slug, slug })
    for (const { name, about } of officeApps) {
      await makeConnector(doors, app(name), about)
      for (const owner of OWNERS) {
        account(name, owner)
        await doors.call('create_connection', {
          ...{ connector: name, credentials: { token: tokenOf(name, owner) }, verify: false },
          ...(owner === 'own' ? {} : { customer: owner }),
        })
      }
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    app,
    account,
    state: () => {
      const kept = officeApps.flatMap(({ name, resources }) =>
        OWNERS.flatMap((owner) =>
          resources
            .map(
              (kind) => [`${name} of ${owner}: ${kind.name}`, account(name, owner).rows(kind.name)] as const,
            )
            .filter(([, rows]) => rows.length > 0),
        ),
      )
      return Object.fromEntries(kept)
    },
    reset: () => {
      for (const one of Object.values(apps)) one.reset()
    },
    close,
  }
}
