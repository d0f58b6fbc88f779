/** The colours of every page: of the system's theme, light or dark. `--a` and after are the curves'. */
export const THEME = `:root { color-scheme: light dark; --ink: #1c2126; --quiet: #5f6973; --line: #dde2e7; --paper: #fff; --panel: #f6f8fa; --a: #2563c9; --b: #c2410c; --c: #0f7b53; --d: #8a3ec4; --good: #0f7b53; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --quiet: #9aa4ad; --line: #343c44; --paper: #14181c; --panel: #1b2025; --a: #7aa7f7; --b: #f2955f; --c: #5fc99a; --d: #c79bf0; --good: #5fc99a; --bad: #f28b82; } }`;
