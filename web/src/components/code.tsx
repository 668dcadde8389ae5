import { useState } from "react";

import { CopyButton } from "./basics";

export interface Request {
  method: string;
  path: string;
  body?: unknown;
}

const WRITERS: Record<string, (apiUrl: string, request: Request) => string> = {
  curl: (apiUrl, { method, path, body }) => {
    const lines = [`curl -X ${method} ${apiUrl}${path}`, `  -H "Authorization: Bearer $STUDIO_KEY"`];
    if (body !== undefined) {
      lines.push(`  -H "Content-Type: application/json"`, `  -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`);
    }
    return lines.join(" \\\n");
  },
  Python: (apiUrl, { method, path, body }) =>
    [
      "import os",
      "",
      "import requests",
      "",
      "response = requests.request(",
      `    ${JSON.stringify(method)},`,
      `    ${JSON.stringify(apiUrl + path)},`,
      `    headers={"Authorization": f"Bearer {os.environ['STUDIO_KEY']}"},`,
      ...(body === undefined ? [] : [`    json=${pythonLiteral(body)},`]),
      "    timeout=60,",
      ")",
      "response.raise_for_status()",
      "print(response.json())",
    ].join("\n"),
  TypeScript: (apiUrl, { method, path, body }) =>
    [
      `const response = await fetch(${JSON.stringify(apiUrl + path)}, {`,
      `  method: ${JSON.stringify(method)},`,
      "  headers: {",
      "    Authorization: `Bearer ${process.env.STUDIO_KEY}`,",
      ...(body === undefined ? [] : [`    "Content-Type": "application/json",`]),
      "  },",
      ...(body === undefined ? [] : [`  body: JSON.stringify(${JSON.stringify(body)}),`]),
      "});",
      "if (!response.ok) throw new Error(await response.text());",
      "console.log(await response.json());",
    ].join("\n"),
};

function pythonLiteral(value: unknown): string {
  return JSON.stringify(value)
    .replace(/\btrue\b/g, "True")
    .replace(/\bfalse\b/g, "False")
    .replace(/\bnull\b/g, "None");
}

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
    </details>
  );
}
