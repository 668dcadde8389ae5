import { useState } from "react";

/** Two pictures of the same size over each other; the slider moves the edge between them. */
export function Compare({ before, after, label }: { before: string; after: string; label: string }) {
  const [share, setShare] = useState(50);
  return (
    <div className="compare">
      <div className="pictures">
        <img src={after} alt={`${label}: after`} />
        <img src={before} alt={`${label}: before`} style={{ clipPath: `inset(0 ${100 - share}% 0 0)` }} />
        <span className="edge" style={{ left: `${share}%` }} aria-hidden="true" />
      </div>
      <label className="range">
        <span>Before / after</span>
        <input
          type="range"
          min={0}
          max={100}
          value={share}
          onChange={(event) => setShare(Number(event.target.value))}
          aria-valuetext={`${share} percent before`}
        />
      </label>
    </div>
  );
}
