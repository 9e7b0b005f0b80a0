/** Bounds on one discovery: a site is asked little, and cannot hold us up or fill the memory. */
export interface DiscoveryLimits {
  /** Requests in all, redirects and robots.txt included. */
  maxRequests: number
  /** Bytes read in all. */
  maxBytes: number
  /** One page, script or list. */
  maxPageBytes: number
  /** One API description. */
  maxDocumentBytes: number
  maxMs: number
  /** One request. */
  requestMs: number
  /** Requests at one time, in all. */
  concurrency: number
  /** Requests at one time to one host, where its robots.txt asks for no delay. */
  concurrencyPerHost: number
  maxRedirects: number
  /** Pages read for links, beside the one given. */
  maxPages: number
}

export const defaultDiscoveryLimits: DiscoveryLimits = {
  maxRequests: 120,
  maxBytes: 96 * 1024 * 1024,
  maxPageBytes: 2 * 1024 * 1024,
  maxDocumentBytes: 32 * 1024 * 1024,
  maxMs: 60_000,
  requestMs: 15_000,
  concurrency: 6,
  concurrencyPerHost: 2,
  maxRedirects: 5,
  maxPages: 12,
}
