import { useState } from "react";

import { dropFiles, type NamedFile, type NotTaken } from "../api/drops";
import { useApp } from "../app-context";
import { Dropzone, Said } from "../components/basics";
import { useAction, useUnsaved } from "../hooks";

/** Photos and descriptions of products, any number at once; what is not taken is named with the reason. */
export function DropFiles({ onUploaded }: { onUploaded: () => void }) {
  const { api } = useApp();
  const { busy, run } = useAction();
  const [progress, setProgress] = useState({ ended: 0, sent: 0, total: 0 });
  const [missed, setMissed] = useState<NotTaken[]>([]);
  useUnsaved(busy);

  const upload = (files: NamedFile[]) =>
    run(async () => {
      setMissed([]);
      setProgress({ ended: 0, sent: 0, total: files.length });
      const lost = await dropFiles(api, files, (reached) => setProgress({ ...reached, total: files.length }));
      setMissed(lost);
      onUploaded();
    });
  const again = missed.filter((one) => one.again);
  return (
    <section className="card" aria-labelledby="add">
      <h2 id="add">Add products</h2>
      <p>
        Each photo becomes a product named as the file: <code>TS-1001.jpg</code>. A file <code>TS-1001.json</code> with{" "}
        <code>title</code>, <code>price</code>, <code>category</code> describes it; both come in any order. Until the
        description is right the product is a draft. The same name again replaces the photo or the description.
      </p>
      <Dropzone
        label={busy ? `Uploading: ${progress.ended} of ${progress.total}` : "Photos and descriptions"}
        hint="Drop several together: photos, and .json files"
        multiple
        accept="image/*,.heic,.heif,application/json,.json"
        onFiles={(files) => upload(files.map((file) => ({ name: file.name, file })))}
      />
      {busy && <progress max={progress.total} value={progress.sent} aria-label="Uploads" />}
      {!busy && progress.total > 0 && (
        <p className="after small" role="status">
          {progress.total - missed.length} of {progress.total} uploaded.
        </p>
      )}
      {missed.length > 0 && (
        <div className="note bad" role="alert">
          <ul>
            {missed.map((one, index) => (
              <li key={index}>
                <strong>{one.name}</strong>: <Said text={one.reason} />
              </li>
            ))}
          </ul>
          {again.length > 0 && (
            <button type="button" className="quiet" onClick={() => upload(again)}>
              Try {again.length === 1 ? "it" : `${again.length} of them`} again
            </button>
          )}
        </div>
      )}
    </section>
  );
}
