/** Greets whoever opens an issue, labels it by what it says, and counts what it did. */
export default async function triage(ctx) {
  const { issue, repository } = ctx.input
  const where = { owner: repository.owner.login, repo: repository.name, issue_number: issue.number }

  const label = /crash|error|broken/i.test(issue.title) ? 'bug' : 'question'
  await ctx.connectors.github.issues_add_labels({ ...where, labels: [label] })
  const comment = await ctx.connectors.github.issues_create_comment({
    ...where,
    body: `Thanks for the report, @${issue.user.login}. We filed it as "${label}".`,
  })

  const triaged = ((await ctx.state.get('triaged')) ?? 0) + 1
  await ctx.state.set('triaged', triaged)
  ctx.log.info(`triaged issue #${issue.number} of ${repository.full_name} as ${label}`)
  return { issue: issue.number, label, comment: comment.id, triaged }
}
