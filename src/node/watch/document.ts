import {THEME} from '../runs/theme.js';

/** The page of `tfjs-ragan watch`; its scripts fill it. */
export const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>tfjs-ragan watch</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/style.css">
<script type="module" src="/scripts/watch/page/main.js"></script>
</head>
<body>
<header class="run">
<div class="title"><h1 id="name">run</h1><span id="status" class="status" role="status"></span></div>
<dl id="figures" class="figures"></dl>
<progress id="progress" hidden aria-label="Steps taken"></progress>
</header>
<p id="lost" class="lost" role="alert" hidden></p>
<main>
<section id="samples"></section>
<section class="curves" aria-label="Curves">
<header><h2>Curves</h2>
<div class="controls">
<label>smoothing <input id="smoothing" type="range" min="0" max="99" value="80"></label>
<label><input id="logarithmic" type="checkbox"> logarithmic</label>
<label>show <select id="last"><option value="1">all steps</option><option value="0.5">the last half</option><option value="0.1">the last tenth</option></select></label>
</div>
</header>
<p id="waiting" class="note">Nothing is logged yet.</p>
<div id="charts" class="charts"></div>
</section>
</main>
<details hidden><summary>Settings</summary><dl id="settings" class="settings"></dl></details>
</body>
</html>
`;

export const STYLE = `${THEME}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; padding: 1.25rem clamp(1rem, 2.5vw, 2.5rem) 3rem; max-width: 1900px; }
h1, h2, h3 { margin: 0; line-height: 1.25; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; } h3 { font-size: .9rem; }
dl { margin: 0; } dd { margin: 0; } dt { color: var(--quiet); font-size: .8rem; }
.note { color: var(--quiet); }
:focus-visible { outline: 2px solid var(--a); outline-offset: 2px; border-radius: 3px; }
.run { margin-bottom: 1.5rem; }
.title { display: flex; align-items: center; gap: .75rem; flex-wrap: wrap; margin-bottom: .75rem; }
.status { font-size: .8rem; font-weight: 600; padding: .1rem .6rem; border-radius: 1rem; border: 1px solid currentColor; }
.status:empty { display: none; }
.running { color: var(--good); } .finished { color: var(--a); } .stopped { color: var(--quiet); }
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2.25rem; font-variant-numeric: tabular-nums; }
.figures dd { font-size: 1.1rem; }
progress { appearance: none; display: block; width: 100%; height: 4px; margin-top: .9rem; border: 0; border-radius: 2px; overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--a); }
progress::-moz-progress-bar { background: var(--a); }
.lost { color: var(--bad); border: 1px solid currentColor; border-radius: 6px; padding: .4rem .75rem; }
main { display: grid; gap: 2rem; grid-template-columns: minmax(0, 1fr); }
section > header { display: flex; align-items: center; justify-content: space-between; flex-wrap: wrap; gap: .35rem 1.25rem; min-height: 2rem; margin-bottom: .5rem; }
.controls { display: flex; align-items: center; flex-wrap: wrap; gap: .35rem 1.1rem; color: var(--quiet); font-size: .85rem; }
.controls label { display: flex; align-items: center; gap: .4rem; }
input[type=range] { accent-color: var(--a); } input[type=checkbox] { accent-color: var(--a); }
#smoothing { width: 7rem; }
button, select { font: inherit; font-size: .85rem; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .15rem .7rem; }
button:not(:disabled) { cursor: pointer; } button:not(:disabled):hover { border-color: var(--quiet); } button:disabled { color: var(--quiet); }
.gallery output { color: var(--quiet); font-size: .85rem; font-variant-numeric: tabular-nums; } .gallery output b { color: var(--ink); }
.gallery .controls { flex-wrap: nowrap; margin-bottom: .6rem; } .gallery .controls input { flex: 1; min-width: 0; } .gallery button { min-width: 4.2rem; }
.sheet { max-width: 1042px; } .sheet img { display: block; width: 100%; }
.columns { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; column-gap: .58%; align-items: end; line-height: 1.2; margin-bottom: .2rem; color: var(--quiet); font-size: .8rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 1rem; }
.chart { margin: 0; padding: .7rem .8rem .4rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; min-width: 0; }
.chart figcaption { display: flex; justify-content: space-between; flex-wrap: wrap; gap: 0 .75rem; min-height: 1.5rem; }
.chart h3::first-letter { text-transform: uppercase; }
.legend { display: flex; flex-wrap: wrap; gap: 0 .75rem; font-size: .8rem; font-variant-numeric: tabular-nums; } .legend .step { color: var(--quiet); }
.chart svg { display: block; width: 100%; height: auto; touch-action: pan-y; cursor: crosshair; }
.chart text { fill: var(--quiet); font-size: 11px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); } .mark { stroke: var(--quiet); stroke-dasharray: 4 4; } .cursor line { stroke: var(--quiet); }
polyline { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; } .raw { stroke-width: 1; opacity: .3; }
circle { fill: currentColor; }
.colour-a { color: var(--a); } .colour-b { color: var(--b); } .colour-c { color: var(--c); } .colour-d { color: var(--d); }
details { margin-top: 2rem; } summary { font-weight: 600; cursor: pointer; }
.settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: .75rem 1.25rem; margin-top: .75rem; } .settings dd { overflow-wrap: anywhere; }
@media (min-width: 1150px) { main { grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); gap: 2.25rem; } .gallery { position: sticky; top: 1.25rem; align-self: start; } .gallery .sheet { max-width: min(1042px, calc(100vh - 7.5rem)); } }
@media (prefers-reduced-motion: no-preference) { .running::before { content: ''; display: inline-block; width: .5rem; height: .5rem; margin-right: .4rem; border-radius: 50%; background: currentColor; animation: beat 1.6s ease-in-out infinite; } @keyframes beat { 50% { opacity: .25; } } }
`;

export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3.5" fill="#2563c9"/><path d="M3 4v8.5h10" fill="none" stroke="#fff" opacity=".6"/><path d="M4.5 5c1 4.500 3 5.500 8.500 5.700" fill="none" stroke="#fff" stroke-width="1.600"/></svg>`;
