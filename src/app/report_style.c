/* The style sheet of the results page; declared in report_style.h. */
#include "app/report_style.h"

#include <stddef.h>

/* In both colour schemes every colour has a contrast of at least 4.5 with its background, and
 * pictures are on white paper. */
const char *const gki_report_style[] = {
    ":root{color-scheme:light "
    "dark;--page:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#545d68;--line:#dfe3e8;",
    "--accent:#0b5cad;--stripe:#f8f9fb;--shade:#eef1f5}",
    "@media(prefers-color-scheme:dark){:root{--page:#12161b;--card:#1a2027;--ink:#e6eaef;--soft:#"
    "a3adb9;",
    "--line:#303842;--accent:#7db7f5;--stripe:#1f262e;--shade:#232b34}}",
    "*{box-sizing:border-box}",
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-behavior:smooth}",
    "@media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}",
    "body{margin:0;background:var(--page);color:var(--ink);line-height:1.55;",
    "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','DejaVu "
    "Sans',sans-serif}",
    "header,main,footer{max-width:64rem;margin:0 auto;padding:0 1.25rem}",
    "header{padding-top:2.75rem}",
    "h1{margin:0;font-size:clamp(1.6rem,1.2rem + "
    "2vw,2.3rem);line-height:1.2;letter-spacing:-.015em;",
    "text-wrap:balance;overflow-wrap:anywhere}",
    "h2{margin:0 0 .35rem;font-size:1.2rem;line-height:1.3;overflow-wrap:anywhere}",
    "p{margin:0;max-width:46rem;overflow-wrap:anywhere}",
    ".summary{margin-top:.75rem;font-size:1.075rem;color:var(--soft)}",
    "pre,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans "
    "Mono',monospace;font-size:.84rem}",
    "pre{margin:0;padding:.85rem "
    "1rem;background:var(--shade);border-radius:.5rem;overflow:auto;line-height:1.5;",
    "tab-size:4}",
    ".command{display:block;margin-top:1.1rem;padding:.6rem "
    ".9rem;background:var(--shade);border-radius:.5rem;",
    "white-space:pre-wrap;overflow-wrap:anywhere}",
    ".command::before{content:'$ ' / '';color:var(--soft);user-select:none}",
    "nav{margin-top:1.25rem;font-size:.925rem}",
    "nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;margin:0;padding:0;list-style:none}",
    "a{color:var(--accent);text-underline-offset:.18em;text-decoration-thickness:1px}",
    "a:focus-visible,[tabindex]:focus-visible{outline:2px solid "
    "var(--accent);outline-offset:2px;border-radius:.25rem}",
    ".numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.9rem;"
    "margin:1.75rem 0 0}",
    ".numbers div{display:flex;flex-direction:column;padding:.9rem 1.1rem;background:var(--card);",
    "border:1px solid var(--line);border-radius:.75rem}",
    ".numbers dt{font-size:.875rem;color:var(--soft)}",
    ".numbers dd{margin:0}",
    ".numbers .value{font-size:1.75rem;font-weight:650;line-height:1.3;letter-spacing:-.01em;",
    "font-variant-numeric:tabular-nums;overflow-wrap:anywhere}",
    ".numbers .note{font-size:.84rem;color:var(--soft)}",
    "section{margin:1.25rem 0 0;padding:1.3rem 1.4rem 1.4rem;background:var(--card);border:1px "
    "solid var(--line);",
    "border-radius:.75rem;scroll-margin-top:1rem}",
    "section>p{color:var(--soft);margin-bottom:.9rem}",
    ".scroll{overflow-x:auto;margin:.6rem 0 0}",
    "table{border-collapse:collapse;min-width:min(100%,34rem);font-size:.925rem;font-variant-"
    "numeric:tabular-nums lining-nums}",
    "th,td{padding:.42rem .9rem;text-align:left;vertical-align:baseline;border-bottom:1px solid "
    "var(--line)}",
    "th:first-child,td:first-child{padding-left:.5rem}",
    "thead th{font-size:.84rem;font-weight:600;color:var(--soft);border-bottom:2px solid "
    "var(--line);",
    "vertical-align:bottom}",
    "tbody th{font-weight:500;min-width:8.5rem}",
    "tbody tr:nth-child(even){background:var(--stripe)}",
    "tbody tr:last-child>*{border-bottom:0}",
    ".n{text-align:right;white-space:nowrap}",
    "thead .n{white-space:normal}",
    ".close{font-size:.84rem}.close th,.close td{padding:.35rem .45rem}.close thead "
    "th{font-size:.78rem}",
    ".close tbody th{min-width:6.5rem}",
    "figure{margin:.8rem 0 0}",
    ".paper{padding:.75rem;background:#fff;border:1px solid "
    "var(--line);border-radius:.5rem;text-align:center}",
    "img{display:block;max-width:100%;height:auto;margin:0 auto}",
    "figcaption{max-width:46rem;margin-top:.7rem;font-size:.925rem;color:var(--soft);overflow-wrap:"
    "anywhere}",
    "figcaption b{color:var(--ink);font-weight:600}",
    "footer{padding-top:1.5rem;padding-bottom:2.5rem;font-size:.84rem;color:var(--soft)}",
    "@media(max-width:36rem){header,main,footer{padding-left:.8rem;padding-right:.8rem}header{"
    "padding-top:1.5rem}",
    "section{padding:1rem .9rem}.paper{padding:.35rem}.numbers{grid-template-columns:1fr "
    "1fr;gap:.6rem}",
    ".numbers div{padding:.7rem .8rem}.numbers .value{font-size:1.4rem}th,td{padding:.4rem .6rem}",
    /* A wide picture is shown whole, and enlarged when it is touched. */
    ".paper{overflow-x:auto}.paper:focus .wide{max-width:none;width:44rem}",
    /* Each row of a table is a block: its name, then each number with the heading of its column. */
    "table,.close{display:block;min-width:0;font-size:.9rem}tbody{display:block}",
    "thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}",
    "tbody tr{display:grid;grid-template-columns:1fr 1fr;gap:.1rem 1.1rem;padding:.5rem .4rem;",
    "border-bottom:1px solid var(--line)}tbody tr:last-child{border-bottom:0}",
    "tbody th,tbody td,.close tbody th,.close tbody "
    "td{grid-column:1/-1;padding:0;border:0;min-width:0;text-align:left}",
    "tbody td.n,.close tbody "
    "td.n{grid-column:auto;display:flex;justify-content:space-between;gap:.6rem;text-align:left}",
    "tbody tr>:first-child,.close tbody tr>:first-child{padding:0;text-align:left}",
    "tbody .n::before{content:attr(data-h);color:var(--soft);white-space:normal;font-weight:400}",
    "tbody th.n::before{margin-right:.5rem}tbody td:empty{display:none}",
    "tbody td:not(.n){color:var(--soft)}}",
    ".plain{color:var(--ink)}",
    /* What the script adds, and what it replaces. */
    ".lively .still,.lively .frame{display:none}.lively .frame.shown{display:block}",
    ".frame+.frame{margin-top:.4rem}.frame "
    "img{image-rendering:pixelated;width:100%;max-width:45rem}",
    ".frame span{display:block;font-size:.84rem;color:#545d68}",
    "svg.live{display:block;width:100%;max-width:45rem;height:auto;margin:0 "
    "auto;touch-action:pan-y}",
    "svg.live text{font-size:13px;fill:#1b1f24}",
    ".legend{display:flex;flex-wrap:wrap;justify-content:center;gap:.2rem "
    "1.2rem;font-size:.875rem;color:#1b1f24}",
    ".legend span{display:inline-flex;align-items:center;gap:.4rem}",
    ".slider{max-width:45rem;margin:.5rem auto 0;color:#1b1f24;font-size:.925rem}",
    ".slider input{width:100%;height:1.75rem;accent-color:#0b5cad}",
    ".slider output{display:block;min-height:1.5em;font-variant-numeric:tabular-nums}",
    /* On paper everything is light, whole, and as without the script. */
    "@page{margin:1.5cm}",
    "@media "
    "print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#333;--line:#bbb;",
    "--accent:#000;--stripe:#fff;--shade:#fff}body{background:#fff;font-size:10pt}nav{display:"
    "none}",
    "header,main,footer{max-width:none;padding-left:0;padding-right:0}",
    "section,.numbers div{border:0;padding:0;break-inside:auto}figure,tr,.numbers "
    "div{break-inside:avoid}",
    "h2,thead{break-after:avoid}.scroll,.paper,pre{overflow:visible}pre{white-space:pre-wrap}",
    ".lively .still,.lively .frame{display:block}.live,svg.live{display:none}}",
    NULL,
};
