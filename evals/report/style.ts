/** Of the report's page, light and dark as the reader's system has it. */
export const style = `
:root{color-scheme:light dark;--ink:light-dark(#1d2329,#e3e7eb);--faint:light-dark(#5b6672,#9aa6b2);--paper:light-dark(#fff,#14181c);--line:light-dark(#d9dfe5,#2d353d);--shade:light-dark(#f4f6f8,#1c2228);--good:light-dark(#1a7f4b,#58c48c);--bad:light-dark(#b3261e,#ff8a80);--doubt:light-dark(#8a5a00,#e5b567);--tone:light-dark(#2457c5,#8ab0ff)}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 4rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3,h4{font-size:1rem;margin:1rem 0 .25rem}
small,.costs,header p{color:var(--faint)}
.invalid{color:var(--bad);border-left:4px solid;padding:.25rem .75rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top;font-variant-numeric:tabular-nums}
thead th{color:var(--faint);font-weight:500}
tbody th{font-weight:500}
.bar{display:inline-block;position:relative;width:7rem;height:.65rem;background:var(--shade);border:1px solid var(--line);border-radius:3px;overflow:hidden}
.bar span{position:absolute;inset:0 auto 0 0;background:var(--tone);opacity:.75}
.bar b{position:absolute;top:40%;height:20%;background:var(--ink);opacity:.6}
details.task{border:1px solid var(--line);border-left:4px solid var(--good);border-radius:4px;margin:.4rem 0;padding:.4rem .8rem}
details.task.failed{border-left-color:var(--bad)}
summary{cursor:pointer;overflow-wrap:anywhere}
.mark{color:var(--good)}.failed .mark{color:var(--bad)}
.checks{list-style:none;padding:0;margin:.5rem 0}
li.good{color:var(--good)}.checks .bad,.error{color:var(--bad)}.doubt{color:var(--doubt)}
.checks li{overflow-wrap:anywhere}
.steps{padding-left:1.6rem}.step{margin:.6rem 0}.step p{margin:.2rem 0;overflow-wrap:anywhere}
.kind{font-size:.8rem;padding:0 .4rem;border:1px solid var(--line);border-radius:3px;color:var(--faint)}
.kind.model{color:var(--tone)}
pre{background:var(--shade);border:1px solid var(--line);border-radius:4px;padding:.5rem .7rem;margin:.3rem 0;max-height:28rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;font:12.5px/1.45 ui-monospace,monospace}
.step summary{color:var(--faint);font-size:.85rem}
a{color:var(--tone);text-underline-offset:.15em}
.verdict{font-weight:600;border-left:4px solid;padding:.25rem .75rem}
header .verdict.good{color:var(--good)}header .verdict.bad,.bad,.mark.bad{color:var(--bad)}
.number{text-align:right;white-space:nowrap;padding-right:1.2rem}
.index h2{font-size:1.15rem;margin:0;display:inline-block}
.index .suite th{padding:1.8rem 0 .5rem;font-weight:400}
.index .suite p{margin:.1rem 0;max-width:60rem}
.index td small{white-space:nowrap}
.index .measured th,.index .measured .number{font-weight:650}
.index .measured th small{font-weight:400}
.index .beside th,.index .beside td{color:var(--faint)}
.index .beside .bar{opacity:.6}
.failures ul{margin:.3rem 0;padding-left:1.2rem;overflow-wrap:anywhere}
@media(max-width:46rem){.index,.index tbody,.index tr,.index th,.index td{display:block;border:0}
.index thead{display:none}
.index tbody tr:not(.suite){border-top:1px solid var(--line);padding:.4rem 0}
.index td,.index tbody tr:not(.suite) th{padding:.1rem 0}
.index td[data-label]{display:flex;flex-wrap:wrap;gap:0 .7rem;text-align:left;align-items:center}
.index td[data-label]::before{content:attr(data-label);color:var(--faint);min-width:7rem;font-weight:400}
.index td:empty{display:none}}
.code{color:var(--doubt);font-size:.85em}
`
