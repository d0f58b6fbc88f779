import type {Sheet} from '../state.js';
import {html} from './elements.js';

/** Milliseconds that a sheet is seen when all are played. */
const PLAY_EVERY = 350;

/** The sample sheets, with a slider over time. It stays at the newest while it is there. */
export class Gallery {
  readonly element: HTMLElement;
  private readonly slider = html('input', {type: 'range', min: 0, max: 0, value: 0, 'aria-label': 'Sample sheet'});
  private readonly play = html('button', {type: 'button'}, 'Play');
  private readonly title = html('output');
  private readonly picture = html('img');
  private readonly link = html('a', {target: '_blank', title: 'Open the picture by itself'}, this.picture);
  private readonly columns = html('div', {class: 'columns'});
  private readonly none = html('p', {class: 'note'}, 'No sample sheet yet.');
  private sheets: Sheet[] = [];
  private playing: ReturnType<typeof setInterval> | undefined;

  constructor() {
    this.element = html(
      'section',
      {class: 'gallery', 'aria-label': 'Samples'},
      html('header', {}, html('h2', {}, 'Samples'), this.title),
      html('div', {class: 'controls'}, this.play, this.slider),
      html('div', {class: 'sheet'}, this.columns, this.link),
      this.none,
    );
    this.slider.addEventListener('input', () => {
      this.stop();
      this.show();
    });
    this.play.addEventListener('click', () => (this.playing === undefined ? this.start() : this.stop()));
    this.update([], []);
  }

  /** @param columns what the columns of every sheet show, if that is known. */
  update(sheets: Sheet[], columns: readonly string[]): void {
    const atEnd = this.index >= this.sheets.length - 1;
    const name = this.sheets[this.index]?.name;
    const same = JSON.stringify(sheets) === JSON.stringify(this.sheets);
    this.columns.replaceChildren(...columns.map(column => html('span', {}, column)));
    this.columns.hidden = columns.length === 0;
    if (same && this.sheets.length > 0) return;
    this.sheets = sheets;
    this.slider.max = String(Math.max(0, sheets.length - 1));
    const kept = sheets.findIndex(sheet => sheet.name === name);
    this.slider.value = String(atEnd || kept < 0 ? Math.max(0, sheets.length - 1) : kept);
    this.slider.disabled = this.play.disabled = sheets.length < 2;
    for (const part of [this.link, this.slider.parentElement!]) part.hidden = sheets.length === 0;
    this.none.hidden = sheets.length > 0;
    if (sheets.length === 0) this.columns.hidden = true;
    this.show();
  }

  private get index(): number {
    return Number(this.slider.value);
  }

  private show(): void {
    const sheet = this.sheets[this.index];
    if (!sheet) return this.title.replaceChildren();
    const title = titleOf(sheet);
    this.picture.src = this.link.href = address(sheet);
    this.picture.alt = `Sample sheet, ${title}`;
    this.slider.setAttribute('aria-valuetext', title);
    this.title.replaceChildren(html('b', {}, title), ` ${this.index + 1} of ${this.sheets.length}`);
    // Those beside it are there by the time they are asked for.
    for (const near of [this.sheets[this.index - 1], this.sheets[this.index + 1]]) {
      if (near) new Image().src = address(near);
    }
  }

  private start(): void {
    if (this.index >= this.sheets.length - 1) this.slider.value = '0';
    this.play.textContent = 'Stop';
    this.show();
    this.playing = setInterval(() => {
      if (this.index >= this.sheets.length - 1) return this.stop();
      this.slider.value = String(this.index + 1);
      this.show();
    }, PLAY_EVERY);
  }

  private stop(): void {
    clearInterval(this.playing);
    this.playing = undefined;
    this.play.textContent = 'Play';
  }
}

function address({name, version}: Sheet): string {
  return `/samples/${encodeURIComponent(name)}.png?${version}`;
}

/** `step-005000` as step 5000. */
function titleOf({name}: Sheet): string {
  return name.replaceAll('-', ' ').replace(/\b0+(?=\d)/, '');
}
