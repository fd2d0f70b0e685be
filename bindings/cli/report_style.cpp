#include "report.hpp"

namespace pannier::cli {

std::string_view report_style() {
  // Colours: Okabe and Ito's, which people tell apart whatever their colour vision.
  return R"css(
:root{color-scheme:light dark;--paper:#fff;--ink:#1d2329;--soft:#5b6670;--line:#d9dee3;--panel:#f5f7f9;--one:#0072b2;--two:#d55e00;--three:#009e73}
@media (prefers-color-scheme:dark){:root{--paper:#14181c;--ink:#e8ecef;--soft:#a3adb7;--line:#38414a;--panel:#1d2329;--one:#56b4e9;--two:#e69f00;--three:#2fc49a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:1.6rem;line-height:1.25;margin:.2em 0 .1em;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.2em 0 .5em;padding-top:.7em;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.3em 0 .4em;overflow-wrap:anywhere}
p{margin:.5em 0;max-width:46rem}
.soft{color:var(--soft);font-size:.875rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;margin:18px 0}
.tile{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:10px 12px;min-width:0}
.tile b{display:block;font-size:1.3rem;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.tile span{color:var(--soft);font-size:.8125rem}
.pair{display:grid;grid-template-columns:minmax(0,1fr);gap:8px 32px;margin:1em 0;align-items:start}
@media (min-width:860px){.pair{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}}
figure{margin:0;min-width:0;max-width:560px}
figcaption{font-size:.875rem;color:var(--soft);margin-bottom:6px}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:12px;fill:var(--ink);font-family:inherit}
svg .label{fill:var(--soft)}
.axis{stroke:var(--soft);stroke-width:1}
.grid{stroke:var(--line);stroke-width:1}
.mark{stroke:var(--two);stroke-width:1;stroke-dasharray:4 3}
.s1{fill:var(--one)}
.s2{fill:var(--two)}
.l1,.l2{fill:none;stroke-width:2.5;stroke-linejoin:round}
.l1{stroke:var(--one)}
.l2{stroke:var(--two)}
svg .t1{fill:var(--one)}
svg .t2{fill:var(--two)}
.w1,.w2{stroke-width:3;stroke-linecap:round}
.w1{stroke:var(--one)}
.w2{stroke:var(--two)}
.wide{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.875rem;width:100%}
th,td{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}
td{overflow-wrap:break-word}
.k{white-space:nowrap}
.wide+.wide{margin-top:1.2em}
.pair>.wide+.wide,.three>.wide+.wide{margin-top:0}
@media (max-width:859px){.wide{background:linear-gradient(to right,var(--paper) 40%,transparent) left/2em 100%,linear-gradient(to left,var(--paper) 40%,transparent) right/2em 100%,linear-gradient(to right,var(--line),transparent) left/.6em 100%,linear-gradient(to left,var(--line),transparent) right/.6em 100%;background-repeat:no-repeat;background-attachment:local,local,scroll,scroll}}
th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:normal;white-space:nowrap}
th.n:not(:last-child),td.n:not(:last-child){padding-right:14px}
.num td,.num th{white-space:nowrap}
code{font:.8125rem/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:minmax(0,1fr);gap:8px 32px}
@media (min-width:860px){.cards{grid-template-columns:minmax(0,2fr) minmax(0,3fr)}.three{grid-template-columns:repeat(3,minmax(0,1fr))}}
.why{color:var(--soft);font-size:.8125rem}
@media print{
:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--panel:#fff;--one:#0072b2;--two:#d55e00;--three:#009e73}
html{font-size:9.5pt}
body{font-size:1rem;line-height:1.4}
main{max-width:none;padding:0}
p{max-width:none}
h2{margin-top:1.4em}
h2,h3,figcaption,thead{break-after:avoid}
figure,tr,.tile,header{break-inside:avoid}
figure{max-width:82mm}
th,td{padding:2px 7px 2px 0}
th.n:not(:last-child),td.n:not(:last-child){padding-right:9px}
.tiles{grid-template-columns:repeat(6,minmax(0,1fr));gap:6px}
.tile{padding:6px 8px}
.tile b{font-size:1.1rem}
.pair{grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:6px 18px}
.cards{grid-template-columns:minmax(0,2fr) minmax(0,3fr);gap:6px 18px}
.three{grid-template-columns:repeat(3,minmax(0,1fr));gap:6px 18px}
.wide{overflow:visible}
svg,.tile{-webkit-print-color-adjust:exact;print-color-adjust:exact}
@page{margin:13mm}
}
)css";
}

}  // namespace pannier::cli
