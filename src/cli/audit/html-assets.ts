/**
 * The style of the page. Follows the reader's choice of dark or light mode. On paper, everything is unfolded, and a binding is
 * not split across pages if it fits on one.
 */
export const STYLE = `
:root { color-scheme: light dark; --text: #1c1e21; --muted: #5a6068; --back: #fff; --band: #f3f4f6; --line: #d5d8dd;
  --good: #0b6b2e; --bad: #b3141c; --unsure: #805300; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --muted: #a3aab4; --back: #16181c; --band: #22252b; --line: #3a3f47;
  --good: #5ad17f; --bad: #ff8a8a; --unsure: #f2bd4d; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem) 3rem; background: var(--back); color: var(--text);
  font: 0.94rem/1.45 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; }
h2 { margin: 1rem 0 0.25rem; font-size: 0.95rem; }
p { margin: 0.25rem 0; }
.muted { color: var(--muted); }
.summary { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1rem 0; padding: 0; list-style: none; }
.summary li { min-width: 7.5rem; padding: 0.5rem 0.9rem; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--band); }
.summary b { display: block; font-size: 1.5rem; line-height: 1.2; }
.filter { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; margin: 1rem 0; }
.filter input, .filter select, .filter button { padding: 0.3rem 0.5rem; border: 1px solid var(--line); border-radius: 0.3rem;
  background: var(--back); color: inherit; font: inherit; }
.filter input { width: 25rem; max-width: 60vw; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.35rem 0.75rem 0.35rem 0; text-align: left; vertical-align: top; overflow-wrap: break-word; }
thead th { border-bottom: 2px solid var(--line); color: var(--muted); font-size: 0.85rem; font-weight: 600; white-space: nowrap; }
.binding > tr:first-child > * { border-top: 1px solid var(--line); }
.binding > tr:first-child > th { font-weight: 600; }
.name, .image { min-width: 9rem; overflow-wrap: anywhere; }
.state, .whole { white-space: nowrap; }
.True { color: var(--good); }
.False { color: var(--bad); }
.Unknown { color: var(--unsure); }
.message { max-width: 60rem; overflow-wrap: anywhere; }
summary { width: fit-content; color: var(--muted); cursor: pointer; }
details { margin-bottom: 0.5rem; }
details .scroll { padding-left: 1rem; border-left: 3px solid var(--line); }
details table { font-size: 0.9rem; }
details td { overflow-wrap: anywhere; }
@page { size: landscape; margin: 12mm; }
@media print {
  :root { --text: #000; --muted: #444; --back: #fff; --band: #fff; --line: #999; --good: #000; --bad: #000; --unsure: #000; }
  :root { font-size: 9px; }
  body { padding: 0; }
  th, td { padding-right: 0.5rem; }
  .name, .image { min-width: 0; }
  .filter, summary { display: none; }
  .scroll { overflow: visible; }
  .binding { break-inside: avoid; }
  details::details-content { display: block; content-visibility: visible; }
}
`;

/**
 * The filter of the page. Without scripts, the page has no filter, and everything else works. The fragment of the address can
 * preset the filter: \`bindings.html#state=False&text=shop\`.
 */
export const SCRIPT = `
'use strict';
(() => {
  const preset = new URLSearchParams(location.hash.slice(1));
  const byId = (id) => document.getElementById(id);
  const [form, text, state, shown, unfold] = ['filter', 'text', 'state', 'shown', 'unfold'].map(byId);
  const rows = Array.from(document.querySelectorAll('.binding'), (body) => ({ body, text: body.textContent.toLowerCase() }));
  function filter() {
    const words = text.value.toLowerCase().split(/\\s+/);
    let count = 0;
    for (const row of rows) {
      const fits = (state.value === '' || state.value === row.body.dataset.state) && words.every((word) => row.text.includes(word));
      row.body.hidden = !fits;
      if (fits) count += 1;
    }
    shown.textContent = count + ' of ' + rows.length + ' shown';
  }
  function setAll(open) {
    for (const each of document.querySelectorAll('.binding:not([hidden]) details')) each.open = open;
  }
  if (preset.has('text')) text.value = preset.get('text');
  if (preset.has('state')) state.value = preset.get('state');
  text.addEventListener('input', filter);
  state.addEventListener('change', filter);
  unfold.addEventListener('click', () => {
    const open = unfold.getAttribute('aria-pressed') !== 'true';
    unfold.setAttribute('aria-pressed', String(open));
    setAll(open);
  });
  form.hidden = false;
  filter();
})();
`;
