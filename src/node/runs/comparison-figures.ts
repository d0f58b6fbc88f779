import type {Comparison} from './comparison.js';

/** What can be to the left of the handle; to its right is what the model makes. */
const SIDES = {bicubic: 'bicubic', low: 'low resolution', truth: 'truth'} as const;

/** The comparisons as part of a page, with sliders that work by pointer, by touch and by keyboard. */
export function comparisonFigures(all: Comparison[], escape: (text: string) => string): string {
  if (all.length === 0) return '';
  const choices = Object.entries(SIDES).map(
    ([side, name], i) =>
      `<label><input type="radio" name="side" value="${side}"${i === 0 ? ' checked' : ''}> ${name}</label>`,
  );
  return `<fieldset class="sides"><legend>Left of the handle</legend>${choices.join('')}</fieldset>
<div class="comparisons">${all.map(one => figure(one, escape(one.name))).join('\n')}</div>
<script>${SCRIPT}</script>`;
}

function figure({width, height, now, ...sides}: Comparison, name: string): string {
  const image = (of: string, alt: string, png: Buffer) =>
    `<img class="${of}" alt="${alt}" width="${width}" height="${height}" src="data:image/png;base64,${png.toString('base64')}">`;
  const left = (Object.keys(SIDES) as (keyof typeof SIDES)[]).map(side =>
    image(`side ${side}`, `${name}, ${SIDES[side]}`, sides[side]),
  );
  return `<figure class="comparison"><div class="stack">${image('now', `${name}, what the model makes`, now)}${left.join('')}<span class="tag left">bicubic</span><span class="tag right">now</span><input type="range" min="0" max="100" step="0.5" value="50" aria-label="${name}: how much is left of the handle"></div><figcaption>${name}</figcaption></figure>`;
}

export const COMPARISON_STYLE = `.sides { border: 0; padding: 0; margin: 0 0 .75rem; display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1.1rem; font-size: .9rem; } .sides legend { float: left; padding: 0; color: var(--quiet); } .sides label { cursor: pointer; } .sides input { accent-color: var(--a); margin-left: 0; }
@media (max-width: 480px) { .sides legend { flex-basis: 100%; } }
.comparisons { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 1rem 1.25rem; } .comparisons:has(> :nth-child(3):last-child) { grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.comparison { margin: 0; } .comparison figcaption { font-weight: 400; color: var(--quiet); font-size: .85rem; margin: .25rem 0 0; overflow-wrap: anywhere; }
.stack { position: relative; overflow: hidden; border-radius: 6px; --at: 50%; touch-action: pan-y; }
.stack img { display: block; width: 100%; height: auto; }
.stack .side { position: absolute; inset: 0; height: 100%; clip-path: inset(0 calc(100% - var(--at)) 0 0); visibility: hidden; }
.stack .low { image-rendering: pixelated; }
body:not([data-side]) .bicubic, [data-side=bicubic] .bicubic, [data-side=low] .low, [data-side=truth] .truth { visibility: visible; }
.stack::before { content: ''; position: absolute; inset: 0 auto 0 var(--at); width: 2px; margin-left: -1px; background: #fff; box-shadow: 0 0 3px #000a; z-index: 1; }
.stack::after { content: '\\2039\\2002\\203A'; position: absolute; top: 50%; left: var(--at); width: 2.3rem; height: 2.3rem; margin: -1.15rem 0 0 -1.15rem; display: grid; place-content: center; border-radius: 50%; background: #fff; color: #333; font: 600 1.2rem/1 system-ui, sans-serif; padding-bottom: .15rem; box-sizing: border-box; box-shadow: 0 1px 5px #0008; z-index: 1; }
.stack:has(input:focus-visible)::after { outline: 3px solid var(--a); outline-offset: 2px; }
.stack input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; z-index: 2; appearance: none; }
.stack input::-webkit-slider-thumb { appearance: none; width: 1px; height: 100%; } .stack input::-moz-range-thumb { width: 1px; border: 0; }
.tag { position: absolute; top: .5rem; padding: .05rem .5rem; border-radius: 1rem; background: #000a; color: #fff; font-size: .8rem; z-index: 1; } .tag.left { left: .5rem; } .tag.right { right: .5rem; }`;

/** In the page. Without it the left half shows bicubic and the right half what the model makes. */
const SCRIPT = `
for (const input of document.querySelectorAll('.stack input')) {
  const move = () => {
    input.parentElement.style.setProperty('--at', input.value + '%');
    input.setAttribute('aria-valuetext', Math.round(input.value) + ' % ' + input.parentElement.querySelector('.left').textContent);
  };
  input.addEventListener('input', move);
  move();
}
for (const radio of document.querySelectorAll('.sides input')) {
  radio.addEventListener('change', () => {
    document.body.dataset.side = radio.value;
    for (const tag of document.querySelectorAll('.tag.left')) tag.textContent = radio.parentElement.textContent.trim();
    for (const input of document.querySelectorAll('.stack input')) input.dispatchEvent(new Event('input'));
  });
}`;
