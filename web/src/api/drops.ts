/** Files of a vendor: straight into storage, by the URLs that the API signs for many at once. */
import { ok, type Api, type Schemas } from "./client";

export interface NamedFile {
  name: string;
  file: File;
}

/** A file that is not in the vendor's folder. `again` says whether the same file may be taken if it is sent once more. */
export interface NotTaken extends NamedFile {
  reason: string;
  again: boolean;
}

/** Files whose URLs are asked for together: few enough to be uploaded before the URLs expire. */
const AT_ONCE = 20;
const PARALLEL = 3;

/** Upload files; returns those that were not taken. One that is refused or gets lost keeps no other from its place. */
export async function dropFiles(
  api: Api,
  files: NamedFile[],
  onEnded: (count: number) => void = () => undefined,
): Promise<NotTaken[]> {
  const missed: NotTaken[] = [];
  let ended = 0;
  const end = (lost?: NotTaken) => {
    if (lost) missed.push(lost);
    ended += 1;
    onEnded(ended);
  };
  for (let start = 0; start < files.length; start += AT_ONCE) {
    const some = files.slice(start, start + AT_ONCE);
    let rows: Schemas["DropUploadRow"][];
    try {
      rows = (await ok(api.POST("/api/drops/batch", { body: { names: some.map(({ name }) => name) } }))).items;
    } catch (error) {
      for (const one of files.slice(start)) end({ ...one, reason: (error as Error).message, again: true });
      break;
    }
    const waiting = some.map((one, index) => ({ one, row: rows[index] }));
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const { one, row } = next;
        if (row?.upload) end(await put(row.upload, one));
        else end({ ...one, reason: row?.error?.message ?? "The API did not answer for it.", again: false });
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }
  return missed;
}

/** Upload one file; returns it if that failed. */
async function put({ url, method, headers }: Schemas["DropUpload"], one: NamedFile): Promise<NotTaken | undefined> {
  try {
    const answer = await fetch(url, { method, headers, body: one.file });
    if (answer.ok) return undefined;
    return { ...one, reason: `The upload was refused (${answer.status}).`, again: true };
  } catch {
    return { ...one, reason: "The upload broke off, or the file can't be read any more.", again: true };
  }
}
