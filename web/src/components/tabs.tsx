/** Parts of a view, each with an address: `#/operate/jobs`. */
export function Tabs({ base, parts, current }: { base: string; parts: Record<string, string>; current: string }) {
  return (
    <nav className="tabs" aria-label="Parts of this view">
      {Object.entries(parts).map(([path, name]) => (
        <a key={path} href={`#/${base}/${path}`} aria-current={path === current ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
