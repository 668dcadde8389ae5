import { useState } from "react";

import { CopyButton } from "./basics";
import { WRITERS, type Request } from "./program";

/** The request that was just made, as a program would make it; the key is one of `POST /api/api-keys`. */
export function AsCode({ apiUrl, request }: { apiUrl: string; request: Request }) {
  const [language, setLanguage] = useState("curl");
  const text = WRITERS[language]?.(apiUrl, request) ?? "";
  return (
    <details className="code">
      <summary>The same by program</summary>
      <div className="row" role="group" aria-label="Language">
        {Object.keys(WRITERS).map((name) => (
          <button
            key={name}
            type="button"
            className="quiet"
            aria-pressed={language === name}
            onClick={() => setLanguage(name)}
          >
            {name}
          </button>
        ))}
        <CopyButton text={text} />
      </div>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <p className="small">
        <code>STUDIO_KEY</code> is one of your <a href="#/keys">API keys</a>.
      </p>
    </details>
  );
}
