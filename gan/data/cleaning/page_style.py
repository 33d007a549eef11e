"""How the report looks: plain CSS, in light and dark, from a telephone's width up. Nothing is loaded from anywhere."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f6f5f1; --card: #fff; --ink: #22242a; --quiet: #666a75; --line: #dcdad2;
  --drop: #b3261e; --flag: #8a5a00; --note: #4a5568; --keep: #1c6b3f;
  --check-a: #c9c9c9; --check-b: #e6e6e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #17181c; --card: #212329; --ink: #e8e6e0; --quiet: #a0a3ad; --line: #363943;
    --drop: #ff8a80; --flag: #f2bd5b; --note: #aab4c4; --keep: #7fd3a3;
    --check-a: #3a3d45; --check-b: #4b4f59;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem clamp(.9rem, 3vw, 2.5rem) 4rem; max-width: 84rem;
  background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0; }
h2 .count { color: var(--quiet); font-weight: 400; }
p { margin: .25rem 0; max-width: 46rem; }
code { font: .9em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.15; font-variant-numeric: tabular-nums; }
.tile.drop b { color: var(--drop); } .tile.flag b { color: var(--flag); } .tile.keep b { color: var(--keep); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: 1rem 0 0; }
nav a {
  display: block; padding: .3rem .75rem; border: 1px solid var(--line); border-radius: 2rem; background: var(--card);
  color: inherit; text-decoration: none;
}
nav a:hover, nav a:focus-visible { border-color: currentcolor; }
section { margin-top: 2.25rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
.groups {
  display: grid; gap: .75rem; margin-top: .9rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr));
}
.group { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem; }
.group.wide { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; }
.group.wide > .one { flex: 0 1 20rem; }
.one { display: flex; gap: .75rem; align-items: flex-start; min-width: 0; }
.one + .one:not(.wide *) { margin-top: .65rem; padding-top: .65rem; border-top: 1px dashed var(--line); }
.one .text { min-width: 0; font-size: .9rem; line-height: 1.4; }
.one .name { font-weight: 600; overflow-wrap: anywhere; }
.one .class { color: var(--quiet); }
.one .reason { display: block; overflow-wrap: anywhere; }
.shot {
  flex: none; width: 128px; height: 128px; display: grid; place-items: center; border-radius: .35rem; overflow: hidden;
  background: repeating-conic-gradient(var(--check-a) 0 25%, var(--check-b) 0 50%) 0 0 / 16px 16px;
}
.shot img { display: block; max-width: 100%; max-height: 100%; }
.shot img.hard { image-rendering: pixelated; }
.beside .one + .one .shot { width: 64px; height: 64px; }
.shot.none { background: none; border: 1px dashed var(--line); color: var(--quiet); font-size: .8rem; }
.badge { font-size: .78rem; font-weight: 700; letter-spacing: .02em; }
.badge.drop { color: var(--drop); } .badge.flag { color: var(--flag); }
.badge.keep { color: var(--keep); } .badge.note { color: var(--note); }
table { border-collapse: collapse; width: 100%; margin-top: .75rem; font-size: .92rem; }
td { border-top: 1px solid var(--line); padding: .4rem .75rem .4rem 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { width: 40%; }
@media (max-width: 30rem) {
  .shot { width: 96px; height: 96px; }
  .tiles { grid-template-columns: 1fr 1fr; }
}
"""
