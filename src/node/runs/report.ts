import {readFile, readdir} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {writeFileAtomically} from '../system/files.js';
import type {Comparison} from './comparison.js';
import {COMPARISON_STYLE, comparisonFigures} from './comparison-figures.js';
import type {RunFolder} from './folder.js';
import type {LogRecord} from './log.js';
import {readLog} from './log.js';
import {SHEET_COLUMNS} from './sheet-columns.js';
import {lineChart} from './line-chart.js';
import {inWords, learnedFrom, measuredOn} from './photo-folders.js';
import type {TrainSummary} from './summary.js';
import type {TrainSettings} from './settings.js';
import {THEME} from './theme.js';
import {verdictOn} from './verdict.js';

/**
 * Writes the run's `report.html`: whether it worked, pictures to compare, figures and curves in one file that needs nothing
 * else. `measured` says in words which photos were measured on.
 */
export async function writeReport(
  folder: RunFolder,
  settings: TrainSettings,
  summary: TrainSummary,
  measured = inWords(measuredOn(settings) ?? learnedFrom(settings)),
  compared: Comparison[] = [],
): Promise<void> {
  const log = await readLog(folder.log);
  const sheets = (await readdir(folder.samples).catch(() => [])).filter(name => name.endsWith('.png')).sort();
  const picked = ['after-warm-up.png', 'end.png'].filter(name => sheets.includes(name));
  const shown = picked.length > 0 ? picked : sheets.slice(-1);
  const pictures = await Promise.all(shown.map(name => sheetFigure(folder.samples, name)));
  await writeFileAtomically(folder.report, page(settings, summary, log, pictures.join('\n'), measured, compared));
}

async function sheetFigure(folder: string, name: string): Promise<string> {
  const data = (await readFile(join(folder, name))).toString('base64');
  const caption = basename(name, '.png').replaceAll('-', ' ');
  const columns = SHEET_COLUMNS.map(column => `<span>${column}</span>`).join('');
  return `<figure><figcaption>${escape(caption)}</figcaption><div class="sheet"><div class="columns">${columns}</div><img alt="Sample sheet, ${escape(caption)}: ${SHEET_COLUMNS.join(', ')}" src="data:image/png;base64,${data}"></div></figure>`;
}

function network({scale, filters, growth, blocks, convolutions = 16, network = 'esrgan'}: TrainSettings): string {
  if (network === 'compact') return `x${scale}, compact, ${filters} filters, ${convolutions} convolutions`;
  return `x${scale}, ${filters} filters, growth ${growth}, ${blocks} blocks`;
}

function page(
  settings: TrainSettings,
  summary: TrainSummary,
  log: LogRecord[],
  pictures: string,
  measured: string,
  compared: Comparison[],
): string {
  const verdict = verdictOn(summary);
  const photos = inWords(learnedFrom(settings));
  const theirFolders = inWords(measuredOn(settings) ?? learnedFrom(settings));
  const facts = [
    ['backend', summary.backend],
    ['steps', `${summary.steps} (${settings.warmupSteps} warm-up, ${settings.steps} GAN)`],
    ['time', `${summary.seconds} s`],
    ['speed', `${summary.imagesPerSecond} images/s${summary.captured ? ', steps captured' : ''}`],
    ['photos', photos],
    ['network', network(settings)],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>ESRGAN training: ${escape(photos)}</title>
<style>
${THEME}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1rem; font-weight: 600; color: var(--quiet); margin: 0 0 1rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.verdict { border-left: 4px solid currentColor; padding: .1rem 0 .1rem 1rem; margin: 0 0 1.5rem; }
.verdict strong { display: block; font-size: 1.6rem; line-height: 1.25; } .verdict span { color: var(--ink); }
.good { color: var(--good); } .mixed { color: var(--a); } .bad { color: var(--bad); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: .75rem; margin: 0; }
dt { color: var(--quiet); font-size: .8rem; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; } th, td { padding: .3rem 1rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th { font-weight: 600; } th:first-child, td:first-child { text-align: left; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); gap: 1rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--quiet); font-size: 11px; } @media (max-width: 480px) { svg text { font-size: 14px; } }
figure { margin: 1rem 0; } figcaption { font-weight: 600; margin-bottom: .25rem; }
.columns { display: grid; grid-template-columns: repeat(4, 1fr); column-gap: 0.58%; align-items: end; line-height: 1.2; margin-bottom: .2rem; color: var(--quiet); font-size: .85rem; }
.sheet { max-width: 1042px; } .sheet img { width: 100%; display: block; }
${COMPARISON_STYLE}
.note { color: var(--quiet); font-size: .85rem; }
</style>
</head>
<body>
<h1>ESRGAN training</h1>
${verdict ? `<p class="verdict ${verdict.kind}"><strong>${verdict.headline}</strong><span>${verdict.figures}</span></p>` : ''}
${compared.length > 0 ? `${comparisonFigures(compared, escape)}\n<p class="note">The most detailed part of each photo, ${settings.scale} times larger than what the model was given.</p>` : ''}
<h2>The run</h2>
<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escape(value!)}</dd></div>`).join('')}</dl>
<h2>On validation photos</h2>
${table(summary)}
<p class="note">Photos: ${escape(measured)}. Means over the central part of each. PSNR and SSIM on the Y channel with a border of ${settings.scale} pixels left out; sharpness is the mean gradient magnitude over the truth's, 1 being as sharp.</p>
<h2>Sample sheets</h2>
${pictures}
<p class="note">Authors and licences of the photos: see the folders they come from, ${escape(photos)} and ${escape(theirFolders)}.</p>
<h2>Curves</h2>
<div class="charts">
${charts(log, settings.warmupSteps)}
</div>
</body>
</html>
`;
}

function charts(log: LogRecord[], mark: number): string {
  const curve = (name: string, inLog: string) => ({
    name,
    points: log.flatMap(({step, [inLog]: value}) =>
      typeof value === 'number' ? [[Number(step), value] as const] : [],
    ),
  });
  const drawn: [title: string, curves: ReturnType<typeof curve>[]][] = [
    ['Content loss (mean absolute difference)', [curve('content', 'content')]],
    ['Perceptual loss', [curve('perceptual', 'perceptual')]],
    ['Adversarial losses', [curve('discriminator', 'discriminatorLoss'), curve('generator', 'generatorLoss')]],
    ['Mean logits', [curve('real', 'logits/realMean'), curve('fake', 'logits/fakeMean')]],
    ['Pairs the critic gets right', [curve('share', 'logits/shareRight')]],
    [
      'Norms of the gradients',
      [curve('discriminator', 'gradientNorm/discriminator'), curve('generator', 'gradientNorm/generator')],
    ],
  ];
  return drawn.map(([title, curves]) => lineChart(title, curves, mark)).join('\n');
}

function table({validation}: TrainSummary): string {
  const points = ['bicubic', 'start', 'afterWarmup', 'end'] as const;
  const names = {psnrY: 'PSNR-Y (dB)', ssimY: 'SSIM-Y', sharpness: 'sharpness'};
  const rows = (Object.keys(names) as (keyof typeof names)[]).map(name => {
    const cells = points.map(point => `<td>${validation[name][point]?.toFixed(name === 'psnrY' ? 2 : 3) ?? ''}</td>`);
    return `<tr><td>${names[name]}</td>${cells.join('')}</tr>`;
  });
  return `<table><tr><th></th><th>bicubic</th><th>start</th><th>after warm-up</th><th>end</th></tr>${rows.join('')}</table>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
}
