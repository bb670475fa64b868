// How a page looks: on a wide screen, on a telephone, in the dark and on paper.

extension HTML {
  /// Text and lines of the charts take the colours of the page; the script gives series their colours by day or by
  /// night.
  static let style = """
    :root { color-scheme: light dark; --ink: #1b1d21; --paper: \(Palette.paper.light); --faint: #565e69;
      --line: #d9dce1; --soft: #f4f6f8; --accent: #1b5fb4; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: \(Palette.paper.dark);
      --faint: #a3abb6; --line: #3a3f47; --soft: #1e2127; --accent: #6fa8f5; } }
    * { box-sizing: border-box; }
    body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif;
      color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2.5rem auto;
      padding: 0 1.25rem 4rem; overflow-wrap: break-word; }
    h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
    .lead { color: var(--faint); margin: 0 0 1.2rem; }
    nav { font-size: .9rem; margin: 0 0 1.5rem; } nav a { margin-right: 1.1em; white-space: nowrap; }
    a { color: var(--accent); }
    h2 { font-size: 1.4rem; margin: 3rem 0 .8rem; padding-bottom: .3rem;
      border-bottom: 2px solid var(--line); }
    h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
    code { font: .88em ui-monospace, "Liberation Mono", monospace; background: var(--soft);
      padding: .05em .3em; border-radius: 3px; overflow-wrap: anywhere; }
    .answer { border-left: 4px solid var(--accent); background: var(--soft); padding: .8rem 1.2rem;
      margin: 0 0 1rem; font-size: 1.06rem; } .answer p { margin: .3rem 0; }
    .findings { padding-left: 1.3rem; } .findings li { margin: .3rem 0; }
    .notice { border: 1px solid var(--line); background: var(--soft); padding: .7rem 1rem; }
    table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums;
      font-size: .92rem; }
    th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
    th a { color: inherit; text-decoration-style: dotted; text-underline-offset: .2em; }
    th, td { padding: .28rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
    td { white-space: nowrap; }
    th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0;
      background: var(--paper); }
    th.word, td.word, .words th, .words td { text-align: left; }
    td.word { white-space: normal; min-width: 14rem; }
    .words td { vertical-align: top; white-space: normal; } .words td:first-child { width: 34%; }
    .scroll { overflow-x: auto; }
    figure { margin: 1.2rem 0 2.2rem; } .picture { overflow-x: auto; }
    .picture.vega-embed.has-actions { display: block; padding-right: 0; }
    figcaption { color: var(--faint); font-size: .92rem; margin: .2rem 0 .4rem; max-width: 52rem; }
    summary { color: var(--faint); font-size: .88rem; cursor: pointer; }
    pre { overflow-x: auto; font-size: .78rem; line-height: 1.4; max-height: 26rem;
      background: var(--soft); padding: .8rem; }
    dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0 0 0 1.2rem; }
    dt:target { background: var(--soft); }
    .picture svg { display: block; } .picture svg text { fill: var(--ink); }
    .picture .role-axis-grid line { stroke: var(--line); }
    @media (max-width: 600px) { body { margin: 1.2rem auto; padding: 0 .8rem 3rem; }
      h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
      td:first-child, th:first-child { max-width: 9rem; white-space: normal; }
      .words td:first-child { width: 7rem; min-width: 7rem; } }
    @page { margin: 14mm; }
    @media print { :root { --ink: #000; --paper: #fff; --faint: #333; --line: #bbb; --soft: #fff; }
      body { max-width: none; margin: 0; padding: 0; font-size: 10pt; } h1 { font-size: 18pt; }
      h2, h3, summary { break-after: avoid; } tr, dt, .picture { break-inside: avoid; }
      nav, .unprinted, .vega-embed details { display: none !important; }
      details:not(.unprinted)::details-content { display: block; content-visibility: visible; block-size: auto; }
      .scroll, .picture { overflow: visible; } .picture svg { max-width: 100%; height: auto; }
      table { width: 100%; font-size: 7.5pt; } th, td { padding: .12rem .25rem; overflow-wrap: break-word; }
      td, td.word { white-space: normal; min-width: 0; }
      th:first-child, td:first-child { position: static; }
      pre { max-height: none; overflow: visible; white-space: pre-wrap; font-size: 7pt; } }

    """
}
