/** Is this an XML document that holds data (RFC 7303), and no picture or other format written in XML? */
export const isXml = (contentType: string): boolean =>
  /^(application|text)\/([\w.-]+\+)?xml$/.test((contentType.split(';')[0] ?? '').trim().toLowerCase())
