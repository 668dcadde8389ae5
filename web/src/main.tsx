import { createRoot } from "react-dom/client";

import { enter } from "./addresses";
import { createApi } from "./api/client";
import { Session } from "./api/session";
import { AppContext } from "./app-context";
import { loadConfig } from "./config";
import { Studio } from "./studio";
import "./styles.css";

// A file dropped beside a drop zone would replace the page.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

// Pictures that the network lost are asked for again once it is back; a browser does so for none.
window.addEventListener("online", () => {
  for (const image of document.images) {
    if (image.complete && image.naturalWidth === 0 && image.src) image.src = image.src;
  }
});

const root = createRoot(document.getElementById("root") as HTMLElement);

enter();
try {
  const config = await loadConfig();
  const session = new Session(config.apiUrl);
  root.render(
    <AppContext.Provider value={{ api: createApi(config.apiUrl, session), session, config }}>
      <Studio />
    </AppContext.Provider>,
  );
} catch (error) {
  root.render(
    <main>
      <h1>The studio can't start</h1>
      <p role="alert">{(error as Error).message}</p>
      <button type="button" onClick={() => window.location.reload()}>
        Try again
      </button>
    </main>,
  );
}
