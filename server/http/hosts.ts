import { localhostAllowedHostnames, validateHostHeader } from '@modelcontextprotocol/server'
import type { RequestHandler } from 'express'
import type { Config } from '../../core/config.ts'
import { AppError } from '../../core/errors.ts'

type Names = Pick<Config, 'host' | 'publicUrl' | 'allowedHosts'>

/**
 * The host names this server answers to. Any, when it listens beyond this machine and was not told its names:
 * nobody can then say which ones are right.
 */
export function allowedHostNames(config: Names): string[] | 'any' {
  const local = ['localhost', '127.0.0.1', '::1'].includes(config.host)
  if (!local && config.allowedHosts.length === 0) return 'any'
  const own = config.publicUrl === undefined ? [] : [new URL(config.publicUrl).hostname]
  return [...localhostAllowedHostnames(), ...own, ...config.allowedHosts]
}

/**
 * Refuses requests whose `Host` is no name of this server: a page in a browser could otherwise reach a server
 * on its own machine through a name that resolves to it (DNS rebinding).
 */
export function checkHost(config: Names): RequestHandler {
  const names = allowedHostNames(config)
  return (req, _res, next) => {
    const outcome = names === 'any' ? undefined : validateHostHeader(req.headers.host, names)
    if (outcome?.ok === false) {
      throw new AppError('forbidden', outcome.message, {
        where: 'header Host',
        hint: 'Add the name to PATCHBAY_ALLOWED_HOSTS, or set PATCHBAY_PUBLIC_URL to the address it is reached at.',
      })
    }
    next()
  }
}
