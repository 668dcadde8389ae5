/** Files of a vendor: straight into storage, by the URLs that the API signs for many at once. */
import { ok, type Api, type Schemas } from "./client";
import { upload, type OnSent } from "./sending";

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

/** How far an upload of files is: how many have ended, and how many are sent, parts of files included. */
export interface Progress {
  ended: number;
  sent: number;
}

/** Upload files; returns those that were not taken. One that is refused or gets lost keeps no other from its place. */
export async function dropFiles(
  api: Api,
  files: NamedFile[],
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<NotTaken[]> {
  const missed: NotTaken[] = [];
  const shares = new Map<NamedFile, number>();
  let ended = 0;
  const show = () => onProgress({ ended, sent: ended + [...shares.values()].reduce((sum, share) => sum + share, 0) });
  const end = (one: NamedFile, lost?: NotTaken) => {
    if (lost) missed.push(lost);
    shares.delete(one);
    ended += 1;
    show();
  };
  for (let start = 0; start < files.length; start += AT_ONCE) {
    const some = files.slice(start, start + AT_ONCE);
    let rows: Schemas["DropUploadRow"][];
    try {
      rows = (await ok(api.POST("/api/drops/batch", { body: { names: some.map(({ name }) => name) } }))).items;
    } catch (error) {
      for (const one of files.slice(start)) end(one, { ...one, reason: (error as Error).message, again: true });
      break;
    }
    const waiting = some.map((one, index) => ({ one, row: rows[index] }));
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const { one, row } = next;
        const onSent: OnSent = (share) => {
          shares.set(one, share);
          show();
        };
        if (row?.upload) end(one, await put(row.upload, one, onSent));
        else end(one, { ...one, reason: row?.error?.message ?? "The API did not answer for it.", again: false });
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }
  return missed;
}

/** Upload one file; returns it if that failed. */
async function put(
  { url, method, headers }: Schemas["DropUpload"],
  one: NamedFile,
  onSent: OnSent,
): Promise<NotTaken | undefined> {
  try {
    const answer = await upload(new Request(url, { method, headers, body: one.file }), onSent);
    if (answer.ok) return undefined;
    return { ...one, reason: `The upload was refused (${answer.status}).`, again: true };
  } catch {
    return { ...one, reason: "The upload broke off, or the file can't be read any more.", again: true };
  }
}
