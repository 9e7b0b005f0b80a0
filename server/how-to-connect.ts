import type { ModelSettings } from '../core/model-settings.ts'
import { version } from '../core/version.ts'
import type { RunningServer } from './start.ts'

/** What a person needs to connect a client: shown once the server listens. The key itself stays in its file. */
export function howToConnect({
  url,
  ownerKeyPath,
  platform,
}: Pick<RunningServer, 'url' | 'ownerKeyPath' | 'platform'>): string {
  const { databaseUrl, dataDir, ownerApiKey } = platform.config
  const key = ownerApiKey === undefined ? `$(cat ${ownerKeyPath})` : '$PATCHBAY_API_KEY'
  const where =
    databaseUrl === undefined ? `the embedded database in ${dataDir}` : 'the Postgres server at DATABASE_URL'
  const editor = JSON.stringify(
    { mcpServers: { patchbay: { url: `${url}/mcp`, headers: { Authorization: 'Bearer <owner key>' } } } },
    null,
    2,
  )
  return `
Patchbay ${version} is ready at ${url}, on ${where}.

  Owner API key   ${ownerApiKey === undefined ? `in ${ownerKeyPath}` : 'the one in PATCHBAY_API_KEY'}

  Claude          claude mcp add --transport http patchbay ${url}/mcp --header "Authorization: Bearer ${key}"

  Cursor, VS Code (VS Code calls the outer field "servers")
${editor.replace(/^/gm, '    ')}

  Model           ${modelOf(platform.config.model)}

  curl            curl ${url}/api/v1/whoami -H "Authorization: Bearer ${key}"

  API description ${url}/api/v1/openapi.json          Stop with Ctrl-C
`
}

/** Which model drives the agents, by what it is for where they differ. */
function modelOf(settings: ModelSettings | undefined): string {
  if (settings === undefined) return 'none: agents that need one say so, and docs/models.md how to name one'
  const uses = Object.groupBy(Object.entries(settings.tiers), ([, model]) => model)
  const models = Object.entries(uses).map(([model, tiers = []]) =>
    Object.keys(uses).length === 1 ? model : `${model} (${tiers.map(([tier]) => tier).join(', ')})`,
  )
  return `${models.join(', ')} at ${settings.baseUrl}`
}
