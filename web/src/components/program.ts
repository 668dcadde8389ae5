/** A request as a program would make it: with curl, and with the clients in `clients/`. */

export interface Request {
  method: "GET" | "POST";
  /** As the API's description names it: `/api/search/products/{id}/similar`. */
  route: string;
  path?: Record<string, string>;
  query?: Record<string, string | number>;
  body?: unknown;
}

export type Writer = (apiUrl: string, request: Request) => string;

export const WRITERS: Record<string, Writer> = { curl, Python: python, TypeScript: typescript };

function curl(apiUrl: string, request: Request): string {
  const { method, query, body } = request;
  const search = query ? `?${new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))}` : "";
  const lines = [`curl -X ${method} '${apiUrl}${filled(request)}${search}'`, `  -H "Authorization: Bearer $STUDIO_KEY"`];
  if (body !== undefined) {
    lines.push(`  -H "Content-Type: application/json"`, `  -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`);
  }
  return lines.join(" \\\n");
}

function python(apiUrl: string, request: Request): string {
  const { method, query, body } = request;
  const calls: string[] = [];
  if (method === "POST" && request.route === "/api/cv/tryon") {
    calls.push(`tryon = studio.subscribe(${literal(body)})`, `print(tryon["outputUrl"])`);
  } else {
    const path = filled(request).replace(/^\/api\//, "");
    const options = [...(query ? [`params=${literal(query)}`] : []), ...(body === undefined ? [] : [`json=${literal(body)}`])];
    calls.push(`print(studio.request(${[quoted(method), quoted(path), ...options].join(", ")}))`);
  }
  return [
    "# pip install ./clients/python, in a checkout of the studio",
    "import os",
    "",
    "from ai_fashion_studio import Studio",
    "",
    `with Studio(${quoted(apiUrl)}, os.environ["STUDIO_KEY"]) as studio:`,
    ...calls.map((call) => `    ${indented(call, 4)}`),
  ].join("\n");
}

function typescript(apiUrl: string, request: Request): string {
  const { method, route, path, query, body } = request;
  const lines: string[] = [];
  if (method === "POST" && route === "/api/cv/tryon") {
    lines.push(`const tryon = await studio.subscribe(${json(body)});`, "console.log(tryon.outputUrl);");
  } else {
    const params = { ...(path ? { path } : {}), ...(query ? { query } : {}) };
    const options = {
      ...(Object.keys(params).length > 0 ? { params } : {}),
      ...(body === undefined ? {} : { body }),
    };
    const given = Object.keys(options).length > 0 ? `, ${json(options)}` : "";
    lines.push(`const { data } = await studio.api.${method}(${quoted(route)}${given});`, "console.log(data);");
  }
  return [
    "// npm install ./clients/typescript, in a checkout of the studio after ./studio clients",
    `import { createStudio } from "ai-fashion-studio-client";`,
    "",
    `const studio = createStudio({ apiUrl: ${quoted(apiUrl)}, apiKey: process.env["STUDIO_KEY"] ?? "" });`,
    ...lines,
  ].join("\n");
}

/** The route with its parameters filled in. */
function filled({ route, path = {} }: Request): string {
  return route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ""));
}

const quoted = (text: string) => JSON.stringify(text);
const json = (value: unknown) => JSON.stringify(value, null, 2);

/** A value as Python writes it. */
function literal(value: unknown, depth = 0): string {
  const inner = "    ".repeat(depth + 1);
  const end = `\n${"    ".repeat(depth)}`;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((item) => `${inner}${literal(item, depth + 1)},`).join("\n")}${end}]`;
  }
  if (typeof value === "object") {
    const members = Object.entries(value).map(([name, item]) => `${inner}${quoted(name)}: ${literal(item, depth + 1)},`);
    return members.length > 0 ? `{\n${members.join("\n")}${end}}` : "{}";
  }
  return JSON.stringify(value);
}

/** A text of several lines, of which all but the first begin farther right. */
const indented = (text: string, spaces: number) => text.replaceAll("\n", `\n${" ".repeat(spaces)}`);
