import type { TenantScope } from '../../core/actor.ts'
import { Secret } from '../../core/secret.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { Vault } from '../vault/vault.ts'

export type Credentials = Secret<Record<string, string>>

/** What a connection's credentials are sealed for; see {@link Vault.seal}. */
export const connectionPurpose = (id: string) => `connection:${id}`

/**
 * Opens a connection's credentials, at the moment of a call. The vault asks the database only for a data key
 * it does not remember, so the transaction is begun only then.
 */
export async function openCredentials(
  db: Database,
  vault: Vault,
  scope: TenantScope,
  connection: { id: string; credentials: string },
): Promise<Credentials> {
  const onDemand: Tx = {
    rows: (sql, params) => db.read(scope, (tx) => tx.rows(sql, params)),
    row: (sql, params) => db.read(scope, (tx) => tx.row(sql, params)),
    run: (sql, params) => db.read(scope, (tx) => tx.run(sql, params)),
  }
  const text = await vault.open(
    onDemand,
    scope.organizationId,
    connectionPurpose(connection.id),
    connection.credentials,
  )
  return new Secret(JSON.parse(text.reveal()) as Record<string, string>)
}
