import { html } from '../http/html.ts'
import type { AssetUrls } from './assets.ts'
import { DEFAULT_COLOR } from './colors.ts'
import { icons } from './layout.ts'

/** A page that knows no link, and so nobody's name and colours. */
export const plainPage = (urls: AssetUrls, { title, text }: { title: string; text: string }): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="${urls.icon(DEFAULT_COLOR)}">
<link rel="stylesheet" href="${urls.theme(DEFAULT_COLOR)}">
<link rel="stylesheet" href="${urls.style}">
</head>
<body class="page">
<main><div class="card">
<div class="seal calm" aria-hidden="true">${icons.alert}</div>
<h1>${title}</h1>
<p class="lead">${text}</p>
</div></main>
</body>
</html>
`.text
