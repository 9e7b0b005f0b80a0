import { pipeline } from 'node:stream/promises'
import { create as contentDisposition } from 'content-disposition'
import type express from 'express'
import { scopeOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { ApiKeys } from '../../runtime/access/api-keys.ts'
import type { Invoker } from '../../tools/invoke.ts'
import { authenticateRequest } from './authentication.ts'
import { localsOf, setRateHeaders } from './call.ts'
import { API_PREFIX } from './routes.ts'

const PERMISSION = 'connections.read'

/**
 * `GET /api/v1/files/{file}/content`: a stored file, to be saved and not shown. Its content is somebody else's, so
 * no browser may take it for a page of this server: always an attachment, no sniffing, no scripts.
 */
export function mountFiles(app: express.Express, invoker: Invoker, apiKeys: ApiKeys): void {
  app.get(`${API_PREFIX}/files/:file/content`, async (req, res) => {
    const actor = await authenticateRequest(req, apiKeys, 'http')
    localsOf(res).actor = actor
    setRateHeaders(res, await invoker.limits.consume(actor))
    if (!actor.permissions.has(PERMISSION)) {
      throw new AppError('forbidden', `Downloading a file needs the permission ${PERMISSION}.`, {
        hint: 'Use a key with that permission, or ask an owner for one.',
        data: { permission: PERMISSION },
      })
    }
    const { files } = invoker.services
    const scope = scopeOf(actor)
    const row = await files.info(scope, String(req.params.file))
    res.set({
      'content-type': row.content_type,
      'content-length': row.bytes,
      'content-disposition': contentDisposition(row.name),
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'private, no-store',
      'repr-digest': `sha-256=:${Buffer.from(row.sha256, 'hex').toString('base64')}:`,
    })
    await pipeline(files.stream(scope, row), res)
  })
}
