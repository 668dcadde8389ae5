import type { ReactNode } from "react";

import { Tabs } from "../../components/tabs";
import { useRoute } from "../../hooks";
import { Jobs } from "./jobs";
import { Logs } from "./logs";
import { Messages } from "./messages";
import { Overview } from "./overview";
import { Users } from "./users";

const PARTS: Record<string, { name: string; show: () => ReactNode }> = {
  overview: { name: "Overview", show: () => <Overview /> },
  jobs: { name: "Jobs", show: () => <Jobs /> },
  messages: { name: "Messages", show: () => <Messages /> },
  logs: { name: "Logs", show: () => <Logs /> },
  users: { name: "Users", show: () => <Users /> },
};

export function Operate() {
  const { part } = useRoute();
  const current = part in PARTS ? part : "overview";
  const names = Object.fromEntries(Object.entries(PARTS).map(([path, { name }]) => [path, name]));
  return (
    <>
      <h1>Operate</h1>
      <Tabs base="operate" parts={names} current={current} />
      {PARTS[current]?.show()}
    </>
  );
}
